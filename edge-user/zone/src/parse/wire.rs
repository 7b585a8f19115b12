//! The reader of records whose data are kept in wire format.
//!
//! A record is a text in presentation format or an object of fields; the set is one record or a
//! list of them.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::Context;
use super::list::{WEIGHT, elements};
use super::scalar::{Key, Text, narrow, once, skip};
use crate::presentation::{Given, Layout};
use crate::record::{Record, WireRecord, weigh};

/// Reads all records of a type.
#[derive(Clone, Copy)]
pub(super) struct WireList<'c> {
    pub(super) context: &'c Context,
    pub(super) layout: &'static Layout,
}

impl WireList<'_> {
    fn record<E: Error>(self, text: &str) -> Result<WireRecord, E> {
        let data = self.layout.parse(text, &self.context.apex).map_err(E::custom)?;
        Ok(Record::new(data, 0, None))
    }

    /// Reads an object.
    fn object<'de, M: MapAccess<'de>>(self, mut map: M) -> Result<WireRecord, M::Error> {
        let Self { context, layout } = self;
        let mut fields: Vec<Option<Given<'de>>> = layout.fields.iter().map(|_| None).collect();
        let (mut whole, mut weight, mut health) = (None, None, None);
        while let Some(key) = map.next_key_seed(Key)? {
            let at = layout.fields.iter().position(|field| field.name == key);
            let field = at.and_then(|at| Some((layout.fields.get(at)?, fields.get_mut(at)?)));
            if let Some((field, slot)) = field {
                context.field.set(field.name);
                once(&mut map, slot, FieldReader, Some)?;
            } else if key == layout.key {
                context.field.set(layout.key);
                let parse = |text: &str| layout.parse(text, &context.apex);
                once(&mut map, &mut whole, Text { expect: "a string", read: parse }, Some)?;
            } else if key == "weight" {
                context.field.set("weight");
                once(&mut map, &mut weight, WEIGHT, |weight| Some(narrow(weight)))?;
            } else if key == "health" {
                context.field.set("health");
                let read = |text: &str| Ok::<_, Infallible>(Box::from(text));
                let text = Text { expect: "a string", read };
                once(&mut map, &mut health, text, Some)?;
            } else {
                context.warn_unknown(&key);
                skip(&mut map)?;
            }
            context.field.set("");
        }
        let given = |at: usize| fields.get_mut(at).and_then(Option::take);
        let data = match whole {
            Some(whole) => whole,
            None => layout.build(given, &context.apex).map_err(M::Error::custom)?,
        };
        Ok(Record::new(data, weight.unwrap_or_default(), health))
    }
}

impl<'de> DeserializeSeed<'de> for WireList<'_> {
    /// `None` for null, as for the other types.
    type Value = Option<Vec<WireRecord>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WireList<'_> {
    type Value = Option<Vec<WireRecord>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.layout.expect)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(vec![self.record(text)?]))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        let mut records = vec![self.object(map)?];
        weigh(&mut records, false);
        Ok(Some(records))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let mut records = elements(self.context, seq, || Element(self))?;
        weigh(&mut records, false);
        Ok(Some(records))
    }
}

/// Reads one record.
struct Element<'c>(WireList<'c>);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = WireRecord;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<WireRecord, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = WireRecord;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(out)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WireRecord, E> {
        self.0.record(text)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<WireRecord, M::Error> {
        self.0.object(map)
    }
}

/// Reads a field: a text, a number, or an object of parameters.
struct FieldReader;

impl<'de> DeserializeSeed<'de> for FieldReader {
    type Value = Given<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldReader {
    type Value = Given<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string, a whole number, or an object of parameters")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Given::Literal(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Given::Literal(Cow::Owned(number.to_string())))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut params = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            params.push((key.into_owned(), map.next_value_seed(ParamReader)?));
        }
        Ok(Given::Params(params))
    }
}

/// Reads a parameter's value, as in presentation format; a list stands for its items with commas
/// between, null and true for none.
struct ParamReader;

impl<'de> DeserializeSeed<'de> for ParamReader {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ParamReader {
    type Value = Option<String>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string, a number, a list of strings, or true")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        if flag { Ok(None) } else { Err(E::invalid_value(Unexpected::Bool(false), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Cow<'de, str>>()? {
            items.push(item.replace('\\', "\\\\\\\\").replace(',', "\\\\,"));
        }
        Ok(Some(items.join(",")))
    }
}
