//! Programs' times above the prelude: all cases in turn, round by round.

use anyhow::{Result, bail};

use crate::anchor::{self, Anchor};
use crate::figures::Pairs;
use crate::pool::{self, CASES, Case};
use crate::subject::Subject;

/// Runs of a program that give one mean.
const REPEAT: u32 = 40_000;
/// Means in a round, of which the least counts: others disturb a run, nobody speeds it up.
const TRIES: u32 = 3;

/// What is known of a case.
pub(crate) struct Times {
    /// The case.
    pub case: Case,
    /// `edge`.
    pub edge: Pairs,
    /// The bare reflector.
    pub reflector: Pairs,
    /// `edge` above the reflector instead of the prelude.
    pub above: Pairs,
    /// Reading the clock, where that is part of the answer.
    pub clock: Option<Pairs>,
    /// The anchor, where it has such a case.
    pub anchor: Option<anchor::Times>,
}

/// Everything that is measured in rounds.
pub(crate) struct Programs {
    subject: Subject,
    times: Vec<Times>,
}

impl Programs {
    /// Loads the programs.
    pub(crate) fn new() -> Result<Self> {
        let subject = Subject::bench(&pool::zones())?;
        let times = CASES.map(|case| Times {
            case,
            edge: Pairs::default(),
            reflector: Pairs::default(),
            above: Pairs::default(),
            clock: case.is_time.then(Pairs::default),
            anchor: None,
        });
        Ok(Self { subject, times: times.into() })
    }

    /// Cases in a round.
    pub(crate) fn cases(&self) -> usize {
        self.times.len()
    }

    /// Measures every case once more.
    pub(crate) fn round(&mut self, anchor: Option<&Anchor>) -> Result<()> {
        for times in &mut self.times {
            if let Some((anchor, profile)) = anchor.zip(times.case.anchor) {
                let [prelude, reflector, robust] = anchor.run(profile)?;
                let times = times.anchor.get_or_insert_default();
                times.reflector.push(prelude, reflector);
                times.robust.push(prelude, robust);
            }
            one(&mut self.subject, times)?;
        }
        Ok(())
    }

    /// The measurements.
    pub(crate) fn finish(self) -> Vec<Times> {
        self.times
    }
}

/// How often queries were answered as a case wants.
fn answered(subject: &Subject, case: &Case) -> Result<u64> {
    Ok(subject.verdicts().get(case.verdict.index() as usize).copied().unwrap_or_default())
}

fn one(subject: &mut Subject, times: &mut Times) -> Result<()> {
    let case = times.case;
    subject.set_queries(&case)?;
    let before = answered(subject, &case)?;
    subject.time("edge", case.sources, REPEAT / 10)?;
    let mut least = [f64::INFINITY; 4];
    for _ in 0..TRIES {
        let programs = ["prelude", "prelude_reflector", "edge", "prelude_clock"];
        for (least, program) in least.iter_mut().zip(programs) {
            if case.is_time || program != "prelude_clock" {
                *least = least.min(subject.time(program, case.sources, REPEAT)?);
            }
        }
    }
    let runs = REPEAT / 10 + TRIES * REPEAT;
    let answered = answered(subject, &case)? - before;
    if answered != u64::from(runs) {
        bail!("case {}: {answered} of {runs} queries were answered", case.name);
    }
    let [prelude, reflector, edge, clock] = least;
    times.edge.push(prelude, edge);
    times.reflector.push(prelude, reflector);
    times.above.push(reflector, edge);
    if let Some(times) = &mut times.clock {
        times.push(prelude, clock);
    }
    Ok(())
}
