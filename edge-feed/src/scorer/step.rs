//! Step by which a result moves a monitor's score, and the cap on that score.

use super::row::Row;

/// What is left of a score at the next result.
pub const DECAY: f64 = 0.95;

/// By how much a result moves a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreStep {
    /// What is added to the [`DECAY`]ed score: 1 at best.
    pub step: f64,
    /// What the score is at most afterwards.
    pub cap: Option<f64>,
}

/// Errors that the pool writes for a stratum of 0 without a kiss code.
const STRATUM_ZERO_ERRORS: [&str; 3] = ["", "untrusted zero offset", "unexpected stratum 0"];

impl ScoreStep {
    const fn new(step: f64) -> Self {
        Self { step, cap: None }
    }

    const fn capped(step: f64, cap: f64) -> Self {
        Self { step, cap: Some(cap) }
    }

    /// The step of a result; the step it brings itself wins, under the same cap.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let table = Self::look_up(row);
        Self { step: row.step.unwrap_or(table.step), ..table }
    }

    fn look_up(row: &Row) -> Self {
        let attributes = row.attributes.as_ref();
        if attributes.is_some_and(|attributes| attributes.no_response) {
            return Self::new(-5.0);
        }
        let error = attributes.map_or("", |attributes| attributes.error.as_str());
        let stratum = attributes.and_then(|attributes| attributes.stratum);
        // The pool's rows leave out a stratum of 0; an error that only occurs with it shows it.
        let zero = match stratum {
            Some(stratum) => stratum == 0,
            None => !error.is_empty(),
        };
        match error {
            "RATE" if zero => return Self::new(-3.5),
            "RSTR" | "DENY" if zero => return Self::capped(-10.0, -50.0),
            error if zero && STRATUM_ZERO_ERRORS.contains(&error) => {
                return Self::capped(-2.0, 5.0);
            }
            _ => {}
        }
        let Some(offset) = row.offset.filter(|_| error.is_empty()) else {
            return Self::new(-4.0);
        };
        let offset = offset.abs();
        if offset > 3.0 {
            return Self::capped(-4.0, -20.0);
        }
        if stratum.is_some_and(|stratum| stratum >= 8) {
            return Self::new(-4.0);
        }
        Self::new(match offset {
            _ if offset > 0.75 => -2.0,
            _ if offset > 0.1 => -2.308 * offset + 0.731,
            // Just past 25 ms the line is a hair above 1.
            _ if offset > 0.025 => (-6.667 * offset + 1.167).min(1.0),
            _ => 1.0,
        })
    }

    /// The score after this step.
    #[must_use]
    pub fn apply(self, score: f64) -> f64 {
        let score = DECAY * score + self.step;
        self.cap.map_or(score, |cap| score.min(cap))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Attributes, Row};
    use super::ScoreStep;

    fn step(offset: Option<f64>, stratum: Option<u8>, error: &str) -> (f64, Option<f64>) {
        let attributes = Attributes { stratum, error: error.to_owned(), ..Attributes::default() };
        let row = Row { offset, attributes: Some(attributes), ..Row::default() };
        let ScoreStep { step, cap } = ScoreStep::of(&row);
        (step, cap)
    }

    #[test]
    fn steps_are_those_of_the_pools_table() {
        let silent = Attributes { no_response: true, ..Attributes::default() };
        let row = Row { offset: Some(0.0), attributes: Some(silent), ..Row::default() };
        assert_eq!(ScoreStep::of(&row), ScoreStep { step: -5.0, cap: None });

        assert_eq!(step(None, Some(0), "RATE"), (-3.5, None));
        assert_eq!(step(None, Some(0), "RSTR"), (-10.0, Some(-50.0)));
        assert_eq!(step(None, Some(0), "DENY"), (-10.0, Some(-50.0)));
        assert_eq!(step(Some(0.0), Some(0), ""), (-2.0, Some(5.0)));
        assert_eq!(step(Some(0.0), Some(0), "untrusted zero offset"), (-2.0, Some(5.0)));
        assert_eq!(step(Some(0.0), Some(2), "untrusted zero offset"), (-4.0, None));
        assert_eq!(step(Some(0.0), Some(0), "INIT"), (-4.0, None));
        assert_eq!(step(None, Some(2), ""), (-4.0, None));
        assert_eq!(step(Some(0.0), Some(2), "bad leap"), (-4.0, None));
        assert_eq!(step(Some(-3.001), Some(2), ""), (-4.0, Some(-20.0)));
        assert_eq!(step(Some(3.001), Some(9), ""), (-4.0, Some(-20.0)));
        assert_eq!(step(Some(3.0), Some(2), ""), (-2.0, None));
        assert_eq!(step(Some(0.0), Some(8), ""), (-4.0, None));
        assert_eq!(step(Some(0.0), Some(7), ""), (1.0, None));
        assert_eq!(step(Some(0.751), Some(2), ""), (-2.0, None));
        assert_eq!(step(Some(0.025), Some(2), ""), (1.0, None));
        assert_eq!(step(Some(-0.025), None, ""), (1.0, None));
    }

    #[test]
    fn between_25_and_750_ms_the_step_falls_along_two_lines() {
        let cases = [
            (26.0, 0.993),
            (50.0, 0.833),
            (100.0, 0.5),
            (200.0, 0.27),
            (400.0, -0.192),
            (600.0, -0.654),
            (750.0, -1.0),
        ];
        for (ms, expect) in cases {
            let (got, cap) = step(Some(-ms / 1000.0), Some(2), "");
            assert!((got - expect).abs() < 0.001, "{ms} ms: {got}");
            assert_eq!(cap, None);
        }
        assert!(step(Some(0.025_000_1), Some(2), "").0 <= 1.0);
    }

    #[test]
    fn rows_without_a_stratum_tell_by_their_error() {
        assert_eq!(step(None, None, "RATE"), (-3.5, None));
        assert_eq!(step(None, None, "DENY"), (-10.0, Some(-50.0)));
        assert_eq!(step(Some(0.0), None, "unexpected stratum 0"), (-2.0, Some(5.0)));
        assert_eq!(step(Some(0.0), None, ""), (1.0, None));
    }

    #[test]
    fn a_row_that_brings_its_step_keeps_it_and_is_capped_all_the_same() {
        let row = Row { step: Some(0.5), ..Row::default() };
        assert_eq!(ScoreStep::of(&row), ScoreStep { step: 0.5, cap: None });
        let row = Row { step: Some(-4.0), offset: Some(5.0), ..Row::default() };
        assert_eq!(ScoreStep::of(&row).apply(20.0), -20.0);
    }
}
