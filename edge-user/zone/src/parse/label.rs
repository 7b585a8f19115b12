//! The reader of one entry of `data`: a label with its options and records.
//!
//! An unknown key is ignored with a warning.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::error::TextError;
use super::list::{Form, List};
use super::scalar::{Flag, Key, Text, WholeNumber, narrow, once, skip};
use super::wire::WireList;
use super::{Context, MAX_TEXT_OCTETS, MAX_TTL, ReadLabel};
use crate::name::{Name, quote};
use crate::presentation::LAYOUTS;
use crate::record::{Mx, Srv};

const NAME_FORM: Form = Form {
    expect: r#"a name"#,
    texts: &[],
    numbers: &[],
    weighted: true,
    bare: false,
    pair: false,
    keys: false,
    always_weighted: false,
};
const A: Form = Form {
    expect: r#"a list such as [["192.0.2.1", 10]] or [{"ip": "192.0.2.1", "weight": 10}]"#,
    texts: &["ip", "a"],
    pair: true,
    always_weighted: true,
    ..NAME_FORM
};
const AAAA: Form = Form {
    expect: r#"a list such as [["2001:db8::1", 10]] or [{"ip": "2001:db8::1", "weight": 10}]"#,
    texts: &["ip", "aaaa"],
    ..A
};
const PTR: Form = Form {
    expect: r#"a list such as [["host.example.com."]] or [{"ptr": "host.example.com."}]"#,
    texts: &["ptr"],
    pair: true,
    ..NAME_FORM
};
const CNAME: Form = Form {
    expect: r#"a name such as "www.example.com.", or a list such as [["www.example.com.", 10]]"#,
    texts: &["cname"],
    bare: true,
    pair: true,
    always_weighted: true,
    ..NAME_FORM
};
const NS: Form = Form {
    expect: r#"a list of names such as ["ns1.example.net."]"#,
    bare: true,
    keys: true,
    ..NAME_FORM
};
const MX: Form = Form {
    expect: r#"a list of objects such as [{"mx": "mx.example.net.", "preference": 10}]"#,
    texts: &["mx"],
    numbers: &["preference"],
    ..NAME_FORM
};
const SRV: Form = Form {
    expect: r#"a list of objects such as [{"target": "host.example.com.", "port": 5060, "priority": 10, "srv_weight": 1}]"#,
    texts: &["target"],
    numbers: &["priority", "srv_weight", "port"],
    weighted: false,
    ..NAME_FORM
};
const TXT: Form = Form {
    expect: r#"a text, a list of texts, or a list such as [{"txt": "text", "weight": 10}]"#,
    texts: &["txt"],
    bare: true,
    ..NAME_FORM
};
const SPF: Form = Form {
    expect: r#"a text, a list of texts, or a list such as [{"spf": "v=spf1 -all", "weight": 10}]"#,
    texts: &["spf"],
    ..TXT
};

/// Reads a label's value; its name is known.
pub(super) struct LabelReader<'c> {
    pub(super) context: &'c Context,
    pub(super) name: Box<str>,
}

impl<'de> DeserializeSeed<'de> for LabelReader<'_> {
    type Value = ReadLabel;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<ReadLabel, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LabelReader<'_> {
    type Value = ReadLabel;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(r#"an object of record lists such as {"a": [["192.0.2.1", 10]]}"#)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ReadLabel, M::Error> {
        let context = self.context;
        let mut read = ReadLabel::default();
        read.label.name = self.name;
        let ReadLabel { label, max_hosts, closest } = &mut read;
        while let Some(key) = map.next_key_seed(Key)? {
            if let Some(layout) = LAYOUTS.iter().find(|layout| layout.key == key) {
                context.key.set(layout.key);
                let mut set =
                    label.wire.iter().any(|(kind, _)| *kind == layout.kind).then(Vec::new);
                once(&mut map, &mut set, WireList { context, layout }, |set| set)?;
                label.wire.extend(set.map(|records| (layout.kind, records)));
                context.key.set("");
                continue;
            }
            let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
                context.warn_unknown(&key);
                skip(&mut map)?;
                continue;
            };
            context.key.set(key);
            let map = &mut map;
            match key {
                // 0 is geodns's "not given".
                "ttl" => once(map, &mut label.ttl, WholeNumber::up_to(MAX_TTL), |ttl| match ttl {
                    0 => None,
                    ttl => Some(narrow(ttl)),
                }),
                "max_hosts" => once(map, max_hosts, MAX_HOSTS, |most| Some(narrow(most))),
                "closest" => once(map, closest, Flag, Some),
                "health" => once(map, &mut label.health, Health(context), |name| name),
                "alias" => once(map, &mut label.alias, ALIAS, Some),
                "a" => once(map, &mut label.a, list(context, &A, ipv4), |set| set),
                "aaaa" => once(map, &mut label.aaaa, list(context, &AAAA, ipv6), |set| set),
                "cname" => once(map, &mut label.cname, list(context, &CNAME, relative), |set| set),
                "ns" => once(map, &mut label.ns, list(context, &NS, absolute), |set| set),
                "ptr" => once(map, &mut label.ptr, list(context, &PTR, absolute), |set| set),
                "txt" => once(map, &mut label.txt, list(context, &TXT, text), |set| set),
                "spf" => once(map, &mut label.spf, list(context, &SPF, text), |set| set),
                "mx" => {
                    let build = |exchange, [preference, ..]: [u16; 3]| Mx { preference, exchange };
                    let list = List { context, form: &MX, read: absolute, build };
                    once(map, &mut label.mx, list, |set| set)
                }
                _ => {
                    let build = |target, [priority, weight, port]: [u16; 3]| Srv {
                        priority,
                        weight,
                        port,
                        target,
                    };
                    let list = List { context, form: &SRV, read: relative, build };
                    once(map, &mut label.srv, list, |set| set)
                }
            }?;
            context.key.set("");
        }
        Ok(read)
    }
}

/// A label's keys; the last is the one that needs no arm of its own above.
const KEYS: [&str; 14] = [
    "a",
    "aaaa",
    "alias",
    "cname",
    "mx",
    "ns",
    "ptr",
    "txt",
    "spf",
    "ttl",
    "max_hosts",
    "closest",
    "health",
    "srv",
];

/// The most records that an answer may be asked to have.
pub(super) const MAX_HOSTS: WholeNumber = WholeNumber::up_to(u16::MAX as u64);

/// A reader that takes any text.
type ReadText = fn(&str) -> Result<Box<str>, Infallible>;

const ALIAS: Text<ReadText> = Text {
    expect: "the name of a label, such as \"www\" (\"\" for the apex)",
    read: |text| Ok(text.to_ascii_lowercase().into()),
};

/// A type whose data is what its text says.
fn list<'c, T>(
    context: &'c Context,
    form: &'static Form,
    read: fn(&Context, &str) -> Result<T, TextError>,
) -> List<'c, T, T> {
    List { context, form, read, build: |data, _| data }
}

fn ipv4(_: &Context, text: &str) -> Result<Ipv4Addr, TextError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    match text.parse::<Ipv6Addr>() {
        // As geodns: `::ffff:192.0.2.1` is 192.0.2.1.
        Ok(address) => address.to_ipv4_mapped().ok_or_else(|| TextError::Ipv6Here(quote(text))),
        Err(_) => Err(TextError::NotIpv4(quote(text))),
    }
}

fn ipv6(_: &Context, text: &str) -> Result<Ipv6Addr, TextError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    match text.parse::<Ipv4Addr>() {
        Ok(_) => Err(TextError::Ipv4Here(quote(text))),
        Err(_) => Err(TextError::NotIpv6(quote(text))),
    }
}

fn absolute(_: &Context, text: &str) -> Result<Name, TextError> {
    Name::parse(text).map_err(|cause| TextError::name(text, cause))
}

fn relative(context: &Context, text: &str) -> Result<Name, TextError> {
    Name::parse_under(text, &context.apex).map_err(|cause| TextError::name(text, cause))
}

fn text(_: &Context, text: &str) -> Result<Box<str>, TextError> {
    match text.len() {
        0 => Err(TextError::Empty),
        1..=MAX_TEXT_OCTETS => Ok(text.into()),
        length => Err(TextError::TooLong(length)),
    }
}

/// `{"name": …}` or `{"type": …}`, the name being stronger; the rest of the object was for tests
/// that geodns no longer does itself.
struct Health<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for Health<'_> {
    type Value = Option<Box<str>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Health<'_> {
    type Value = Option<Box<str>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(r#"an object such as {"name": "status-file"}"#)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        const STRING: Text<ReadText> = Text { expect: "a string", read: |text| Ok(text.into()) };
        let (mut name, mut by_type) = (None, None);
        while let Some(key) = map.next_key_seed(Key)? {
            match &*key {
                "name" => once(&mut map, &mut name, STRING, Some)?,
                "type" => once(&mut map, &mut by_type, STRING, Some)?,
                _ => skip(&mut map)?,
            }
        }
        let chosen = name.filter(|name| !name.is_empty()).or(by_type);
        if chosen.is_none() {
            self.0.warn("neither \"name\" nor \"type\" is given; the health is ignored");
        }
        Ok(chosen)
    }
}
