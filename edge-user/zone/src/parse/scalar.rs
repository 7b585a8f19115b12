//! Readers of single JSON values: numbers, truth values and texts.
//!
//! Refused are all other types, numbers out of range, and the same key twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};

/// A whole number up to `max`: a JSON number, or a string of decimal digits.
#[derive(Clone, Copy)]
pub(super) struct WholeNumber {
    pub(super) max: u64,
    /// What null stands for, where it may stand.
    pub(super) null: Option<u64>,
}

impl WholeNumber {
    pub(super) const fn up_to(max: u64) -> Self {
        Self { max, null: None }
    }

    fn check<E: Error>(self, number: u64) -> Result<u64, E> {
        if number <= self.max {
            return Ok(number);
        }
        Err(E::custom(format_args!("{number} is too large; the most is {}", self.max)))
    }
}

impl<'de> DeserializeSeed<'de> for WholeNumber {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_any(self)
    }
}

impl Visitor<'_> for WholeNumber {
    type Value = u64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a whole number such as 600 or \"600\"")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        self.check(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        Err(E::custom(format_args!("{number} is below 0; write 0 or more")))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        // Some generators write 600.0 or 6e2. Up to 2^53 every whole number is exact.
        if number.fract() != 0.0 || !(0.0..=9_007_199_254_740_992.0).contains(&number) {
            return Err(E::invalid_type(Unexpected::Float(number), &self));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and within 0..=2^53"
        )]
        self.check(number as u64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        match text.parse() {
            Ok(number) => self.check(number),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<u64, E> {
        self.null.ok_or_else(|| E::invalid_type(Unexpected::Unit, &self))
    }
}

/// `true` or `false`, nothing else.
pub(super) struct Flag;

impl<'de> DeserializeSeed<'de> for Flag {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("true or false, without quotes")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }
}

/// A string that `read` makes a value of. The message of its error is the fault.
pub(super) struct Text<F> {
    pub(super) expect: &'static str,
    pub(super) read: F,
}

impl<'de, T, C: fmt::Display, F: FnOnce(&str) -> Result<T, C>> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_any(self)
    }
}

impl<T, C: fmt::Display, F: FnOnce(&str) -> Result<T, C>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.expect)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }
}

/// The key of an object, borrowed from the file unless it has escapes.
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Reads the next value of `map` with `seed`, and into `slot` what `keep` makes of it; the same key
/// twice is a fault.
pub(super) fn once<'de, A, S, T>(
    map: &mut A,
    slot: &mut Option<T>,
    seed: S,
    keep: impl FnOnce(S::Value) -> Option<T>,
) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    S: DeserializeSeed<'de>,
{
    if slot.is_some() {
        return Err(A::Error::custom("the key is given twice; keep one"));
    }
    *slot = keep(map.next_value_seed(seed)?);
    Ok(())
}

/// Passes over the next value of `map`.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// A checked number as a smaller type; its reader has bounded it, so the fallback is never used.
pub(super) fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}
