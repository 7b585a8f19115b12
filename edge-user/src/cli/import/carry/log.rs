//! `[log]`, from the one of geodns's two query logs that it would write.

use super::{Carrying, ImportError};

/// Megabytes of a JSON file unless configured otherwise: what geodns's library takes.
const JSON_MB: u64 = 100;
/// Octets of an Avro file unless configured otherwise.
const AVRO_OCTETS: u64 = 1_000_000;
/// Fewer octets than that count as unsaid.
const AVRO_LEAST_OCTETS: u64 = 50_000;
const MEBI: u64 = 1 << 20;

impl Carrying<'_> {
    pub(super) fn log(&mut self) -> Result<(), ImportError> {
        let json = self.text("querylog.path").map(|path| self.path(path));
        let avro = self.text("avrolog.path").map(|path| self.path(path));
        let is_json = json.is_some();
        if let Some(path) = avro {
            self.avro(path)?;
            if is_json {
                let reason = "not carried over: avrolog takes its place, as with geodns";
                self.file.comment(&format!("querylog: {reason}"));
            }
        } else if let Some(path) = json {
            self.json(path)?;
        }
        Ok(())
    }

    fn json(&mut self, path: String) -> Result<(), ImportError> {
        let (size, keep) = (self.number("querylog.maxsize")?, self.number("querylog.keep")?);
        self.file.section("log");
        self.file.set("path", path, "querylog.path");
        self.file.set("format", "json", "querylog");
        let (size, from) = match size.filter(|size| *size > 0) {
            Some(size) => (size, "querylog.maxsize"),
            None => (JSON_MB, "geodns's size without querylog.maxsize"),
        };
        self.file.set("max_size_mb", integer(size), from);
        let from = match keep {
            Some(_) => "querylog.keep; 0 keeps all",
            None => "without querylog.keep geodns keeps all",
        };
        self.file.set("keep", integer(keep.unwrap_or_default()), from);
        Ok(())
    }

    fn avro(&mut self, path: String) -> Result<(), ImportError> {
        let size = self.number("avrolog.maxsize")?;
        let age = match self.text("avrolog.maxtime") {
            None => None,
            Some(text) => {
                let seconds = seconds(text).ok_or_else(|| {
                    let reason = format!("{text:?} is not a duration such as 10s");
                    self.refused("avrolog.maxtime", reason)
                })?;
                Some(seconds)
            }
        };
        self.file.section("log");
        self.file.set("path", path, "avrolog.path");
        self.file.set("format", "avro", "avrolog");
        let octets = size.filter(|size| *size >= AVRO_LEAST_OCTETS).unwrap_or(AVRO_OCTETS);
        let from = format!("avrolog.maxsize, {octets} octets, in whole mebibytes");
        self.file.set("max_size_mb", integer(octets.div_ceil(MEBI)), &from);
        let from = "avrolog.maxtime in whole seconds, at least one";
        self.file.set("max_age_seconds", integer(age.unwrap_or_default().max(1)), from);
        Ok(())
    }
}

fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The whole seconds of a duration as Go writes it, such as `1h30m` or `1.5s`.
fn seconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at_checked(end)?;
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, behind) = unit.split_at_checked(end)?;
        let of_unit: u64 = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            "us" | "µs" | "μs" | "ns" => 0,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let tenths: u64 = digits(fraction.get(..3).unwrap_or(fraction))?;
        let of_fraction = 10_u64.pow(u32::try_from(fraction.len().min(3)).ok()?);
        millis = millis
            .checked_add(digits(whole)?.checked_mul(of_unit)?)?
            .checked_add(tenths * of_unit / of_fraction)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(millis / 1000)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expect) in [
            ("10s", Some(10)),
            ("1h30m", Some(5400)),
            ("1.5m", Some(90)),
            ("500ms", Some(0)),
            ("1999ms", Some(1)),
            (".5m", Some(30)),
            ("0", Some(0)),
            ("10", None),
            ("10x", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(seconds(text), expect, "{text}");
        }
    }
}
