//! The reader of the records of one type at one label.
//!
//! Several syntaxes are possible. A [`Form`] says which of them a type has: the bare string, the
//! list `["data", weight]`, the
//! object `{"field": "data", "weight": …}`.

use std::convert::Infallible;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Context;
use super::error::TextError;
use super::scalar::{Key, Text, WholeNumber, narrow, once, skip};
use crate::record::{Record, weigh};

/// How a record type is written.
pub(super) struct Form {
    /// What to write instead, with an example.
    pub(super) expect: &'static str,
    /// Fields of an object that hold the record's text, the strongest first; empty if there is no
    /// object syntax.
    pub(super) texts: &'static [&'static str],
    /// Fields of an object with 16-bit numbers.
    pub(super) numbers: &'static [&'static str],
    /// Whether objects have the field `weight`.
    pub(super) weighted: bool,
    /// Whether a string stands for a record, or for a list of one.
    pub(super) bare: bool,
    /// Whether `["data", weight]` stands for a record.
    pub(super) pair: bool,
    /// Whether an object's keys stand for a list of records, as in geodns's old `ns`.
    pub(super) keys: bool,
    /// Whether records without any weight are selected from all the same.
    pub(super) always_weighted: bool,
}

/// A weight; null is none.
pub(super) const WEIGHT: WholeNumber = WholeNumber { max: u32::MAX as u64, null: Some(0) };
/// A preference, priority or port; null is 0.
const NUMBER: WholeNumber = WholeNumber { max: u16::MAX as u64, null: Some(0) };
const STRING: &str = "a string";

/// The most 16-bit numbers that a [`Form`] has.
const N_NUMBERS: usize = 3;

/// Reads all records of a type. `read` makes data of the text, `build` of data and numbers the
/// whole.
pub(super) struct List<'c, T, R> {
    pub(super) context: &'c Context,
    pub(super) form: &'static Form,
    pub(super) read: fn(&Context, &str) -> Result<T, TextError>,
    pub(super) build: fn(T, [u16; N_NUMBERS]) -> R,
}

impl<T, R> Clone for List<'_, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, R> Copy for List<'_, T, R> {}

impl<T, R> List<'_, T, R> {
    fn record(&self, text: &str) -> Result<Record<R>, TextError> {
        let data = (self.read)(self.context, text)?;
        Ok(Record::new((self.build)(data, [0; N_NUMBERS]), 0, None))
    }
}

impl<'de, T, R> DeserializeSeed<'de> for List<'_, T, R> {
    /// `None` for null, which geodns takes for "not given".
    type Value = Option<Vec<Record<R>>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T, R> Visitor<'de> for List<'_, T, R> {
    type Value = Option<Vec<Record<R>>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.form.expect)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if !self.form.bare {
            return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
        }
        let mut records = vec![self.record(text).map_err(E::custom)?];
        weigh(&mut records, self.form.always_weighted);
        Ok(Some(records))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let mut records = elements(self.context, seq, || Element(self))?;
        weigh(&mut records, self.form.always_weighted);
        Ok(Some(records))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if !self.form.keys {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        let mut records = Vec::new();
        loop {
            self.context.index.set(Some(records.len()));
            let Some(key) = map.next_key_seed(Key)? else { break };
            records.push(self.record(&key).map_err(A::Error::custom)?);
            skip(&mut map)?;
        }
        self.context.index.set(None);
        Ok(Some(records))
    }
}

/// Reads the elements of a list, and keeps the number of each for messages while it is read.
pub(super) fn elements<'de, A: SeqAccess<'de>, S: DeserializeSeed<'de>>(
    context: &Context,
    mut seq: A,
    element: impl Fn() -> S,
) -> Result<Vec<S::Value>, A::Error> {
    let mut read = Vec::new();
    loop {
        context.index.set(Some(read.len()));
        let Some(value) = seq.next_element_seed(element())? else { break };
        read.push(value);
    }
    context.index.set(None);
    Ok(read)
}

/// Reads one record.
struct Element<'c, T, R>(List<'c, T, R>);

impl<'de, T, R> DeserializeSeed<'de> for Element<'_, T, R> {
    type Value = Record<R>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T, R> Visitor<'de> for Element<'_, T, R> {
    type Value = Record<R>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.form.expect)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if !self.0.form.bare {
            return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
        }
        self.0.record(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let List { context, form, read, build } = self.0;
        if !form.pair {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        let text = Text { expect: form.expect, read: |text: &str| read(context, text) };
        let Some(data) = seq.next_element_seed(text)? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let weight = seq.next_element_seed(WEIGHT)?.map_or(0, narrow);
        // geodns takes no notice of what follows.
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Record::new(build(data, [0; N_NUMBERS]), weight, None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let List { context, form, read, build } = self.0;
        if form.texts.is_empty() {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        let mut data: Option<(usize, T)> = None;
        let mut numbers = [None; N_NUMBERS];
        let mut weight = None;
        let mut health = None;
        while let Some(key) = map.next_key_seed(Key)? {
            let place = |names: &[&'static str]| {
                let at = names.iter().position(|name| *name == key)?;
                names.get(at).map(|name| (at, *name))
            };
            if let Some((rank, name)) = place(form.texts) {
                context.field.set(name);
                let text = Text { expect: STRING, read: |text: &str| read(context, text) };
                let given = map.next_value_seed(text)?;
                match &data {
                    Some((strongest, _)) if *strongest < rank => {}
                    Some((same, _)) if *same == rank => {
                        return Err(A::Error::custom("the key is given twice; keep one"));
                    }
                    _ => data = Some((rank, given)),
                }
            } else if let Some((at, name)) = place(form.numbers) {
                context.field.set(name);
                if let Some(slot) = numbers.get_mut(at) {
                    once(&mut map, slot, NUMBER, |number| Some(narrow(number)))?;
                }
            } else if form.weighted && key == "weight" {
                context.field.set("weight");
                once(&mut map, &mut weight, WEIGHT, |weight| Some(narrow(weight)))?;
            } else if key == "health" {
                context.field.set("health");
                let read = |text: &str| Ok::<_, Infallible>(Box::from(text));
                let text = Text { expect: STRING, read };
                once(&mut map, &mut health, text, Some)?;
            } else {
                context.warn_unknown(&key);
                skip(&mut map)?;
            }
            context.field.set("");
        }
        let Some((_, data)) = data else {
            let missing = form.texts.first().copied().unwrap_or_default();
            return Err(A::Error::custom(format_args!(
                "{missing:?} is missing; write {}",
                form.expect
            )));
        };
        let numbers = numbers.map(Option::unwrap_or_default);
        Ok(Record::new(build(data, numbers), weight.unwrap_or_default(), health))
    }
}
