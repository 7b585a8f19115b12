//! Date and time in UTC, in the format of the names of log files.

use jiff::Timestamp;

/// `time_ns` nanoseconds since 1970 by a format of jiff's.
fn format(time_ns: u64, format: &str) -> String {
    // Every 64-bit count of nanoseconds is a time before the year 2555, which jiff knows.
    let time = Timestamp::from_nanosecond(time_ns.into()).unwrap_or_default();
    time.strftime(format).to_string()
}

/// `20261122-140443`
pub(super) fn compact(time_ns: u64) -> String {
    format(time_ns, "%Y%m%d-%H%M%S")
}

/// `2026-11-22T14-04-43.123`
pub(super) fn dashed(time_ns: u64) -> String {
    format(time_ns, "%Y-%m-%dT%H-%M-%S.%3f")
}

#[cfg(test)]
mod tests {
    use super::{compact, dashed};

    #[test]
    fn moments_have_their_date_and_time() {
        for (seconds, expect) in [
            (0, "19700101-000000"),
            (951_782_399, "20000228-235959"),
            (951_782_400, "20000229-000000"),
            (951_868_800, "20000301-000000"),
            (1_688_414_139, "20230703-195539"),
            (4_107_542_399, "21000228-235959"),
            (4_107_542_400, "21000301-000000"),
        ] {
            assert_eq!(compact(seconds * 1_000_000_000), expect);
        }
        assert_eq!(dashed(1_688_414_139_649_978_091), "2023-07-03T19-55-39.649");
    }
}
