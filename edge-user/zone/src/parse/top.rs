//! The reader of the object at the top of a zone file.
//!
//! It reads the options and the labels of the zone. Unknown keys are ignored with a warning, except
//! for `logging`, which geodns has for itself.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::error::TextError;
use super::label::{LabelReader, MAX_HOSTS};
use super::scalar::{Flag, Key, Text, WholeNumber, narrow, once, skip};
use super::{Context, MAX_TTL, ReadLabel, Top};
use crate::name::{MAX_LABEL_OCTETS, MAX_NAME_OCTETS, Name, quote};
use crate::targets::Targeting;

const KEYS: [&str; 7] = ["serial", "ttl", "max_hosts", "contact", "closest", "targeting", "data"];
/// A key of geodns that isn't for answers.
const LOGGING: &str = "logging";
/// The most edits between a slip of the pen and the key that is meant.
const SLIP: usize = 2;

/// Reads the whole file.
pub(super) struct TopReader<'c>(pub(super) &'c Context);

impl<'de> Visitor<'de> for TopReader<'_> {
    type Value = Top;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(r#"an object such as {"data": {"": {"ns": ["ns1.example.net."]}}}"#)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Top, M::Error> {
        let context = self.0;
        let mut top = Top::default();
        while let Some(key) = map.next_key_seed(Key)? {
            let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
                if key != LOGGING {
                    context.warn(&unknown(&key));
                }
                skip(&mut map)?;
                continue;
            };
            context.top.set(key);
            let map = &mut map;
            match key {
                "serial" => {
                    let seed = WholeNumber::up_to(u32::MAX.into());
                    once(map, &mut top.serial, seed, |serial| Some(narrow(serial)))
                }
                "ttl" => {
                    once(map, &mut top.ttl, WholeNumber::up_to(MAX_TTL), |ttl| Some(narrow(ttl)))
                }
                "max_hosts" => once(map, &mut top.max_hosts, MAX_HOSTS, |most| Some(narrow(most))),
                "contact" => {
                    let seed = Text {
                        expect: r#"a mailbox such as "hostmaster.example.com""#,
                        read: mailbox,
                    };
                    once(map, &mut top.contact, seed, Some)
                }
                "closest" => once(map, &mut top.closest, Flag, Some),
                "targeting" => {
                    let seed = Text {
                        expect: r#"words such as "@ country continent""#,
                        read: Targeting::parse,
                    };
                    once(map, &mut top.targeting, seed, Some)
                }
                _ => once(map, &mut top.labels, DataReader(context), Some),
            }?;
            context.top.set("");
        }
        Ok(top)
    }
}

/// The warning about an unknown key, with the known key that is spelt almost like it.
fn unknown(key: &str) -> String {
    let distance = |known: &&str| strsim::osa_distance(&key.to_ascii_lowercase(), known);
    let nearest = KEYS.into_iter().min_by_key(distance).filter(|known| distance(known) <= SLIP);
    let hint = nearest.map(|known| format!("; is {} meant?", quote(known))).unwrap_or_default();
    format!("unknown key {} is ignored{hint}", quote(key))
}

/// A mailbox as a name (RFC 1035 §8): `name.example.com`, or `name@example.com` for those who
/// forget. In the latter the dots before the `@` belong to the name's first label.
fn mailbox(text: &str) -> Result<Name, TextError> {
    let name = match text.split_once('@') {
        Some((local, domain)) => Name::parse(&format!("{}.{domain}", local.replace('.', "\\."))),
        None => Name::parse(text),
    };
    name.map_err(|cause| TextError::name(text, cause))
}

/// Reads `data`.
struct DataReader<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for DataReader<'_> {
    type Value = Vec<ReadLabel>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataReader<'_> {
    type Value = Vec<ReadLabel>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(r#"an object of labels such as {"www": {"a": [["192.0.2.1"]]}}"#)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let context = self.0;
        let mut labels = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            *context.label.borrow_mut() = Some(key.clone().into_owned());
            check_label(&key).map_err(M::Error::custom)?;
            let name: Box<str> = key.to_ascii_lowercase().into();
            if !context.seen.borrow_mut().insert(name.clone()) {
                return Err(M::Error::custom(format_args!(
                    "the label {name:?} is given twice (letter case doesn't matter); merge the two"
                )));
            }
            let is_askable = fits(&name, &context.apex);
            let label = map.next_value_seed(LabelReader { context, name })?;
            if is_askable {
                labels.push(label);
            } else {
                // geodns takes such labels, and zones in use have them; but no question can name
                // them.
                context
                    .warn("a label of more than 63 octets, or a name of more than 255, is ignored");
            }
            *context.label.borrow_mut() = None;
        }
        Ok(labels)
    }
}

/// Whether a key of `data` reads as a name. Everything that prints may stand in a label, since
/// targets like `[192.0.2.0]` do; dots separate, and there are no escapes.
fn check_label(key: &str) -> Result<(), TextError> {
    if let Some(odd) = key.chars().find(|&each| !each.is_ascii_graphic() || each == '\\') {
        return Err(TextError::LabelCharacter(odd));
    }
    if !key.is_empty() && key.split('.').any(str::is_empty) {
        return Err(TextError::LabelDots);
    }
    Ok(())
}

/// Whether a label is short enough for a name in the zone. Each dot becomes a length octet, and
/// there is one in front.
fn fits(label: &str, apex: &Name) -> bool {
    label.split('.').all(|part| part.len() <= MAX_LABEL_OCTETS)
        && label.len() + 1 + apex.wire().len() <= MAX_NAME_OCTETS
}
