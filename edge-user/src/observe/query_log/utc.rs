//! Nanoseconds since 1970 come in; the date and time that file names have go out.

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Utc {
    year: u64,
    month: u64,
    day: u64,
    /// Of the day.
    milliseconds: u64,
}

impl Utc {
    /// Of nanoseconds since 1970.
    pub(super) const fn new(time_ns: u64) -> Self {
        let milliseconds = time_ns / 1_000_000;
        let days = milliseconds / 86_400_000;
        // Counted from 1 March 0000, leap days end a year, and months have 30.6 days each.
        let from_march = days + 719_468;
        let (era, of_era) = (from_march / 146_097, from_march % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let next_year = if month <= 2 { 1 } else { 0 };
        let year = year_of_era + era * 400 + next_year;
        Self { year, month, day, milliseconds: milliseconds % 86_400_000 }
    }

    const fn clock(self) -> (u64, u64, u64) {
        let seconds = self.milliseconds / 1000;
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// `20261122-140443`
    pub(super) fn compact(self) -> String {
        let Self { year, month, day, .. } = self;
        let (hour, minute, second) = self.clock();
        format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
    }

    /// `2026-11-22T14-04-43.123`
    pub(super) fn dashed(self) -> String {
        let Self { year, month, day, milliseconds } = self;
        let (hour, minute, second) = self.clock();
        let thousandth = milliseconds % 1000;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}.{thousandth:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;

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
            assert_eq!(Utc::new(seconds * 1_000_000_000).compact(), expect);
        }
        let dashed = Utc::new(1_688_414_139_649_978_091).dashed();
        assert_eq!(dashed, "2023-07-03T19-55-39.649");
    }
}
