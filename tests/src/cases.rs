//! The packet table: a frame, the control words, and the expected outcome.

mod general;
mod names;
mod packets;
mod tell;

use edge_common::verdict::{Action, Verdict};

use crate::engine::{Outcome, State};
use crate::frames::{Query, open_reply_to};
use crate::message;
use crate::reader::{self, Reply};

pub use general::general;
pub use names::{answers, by_country, lengths, nested, odd, strangers};
pub(crate) use packets::mend4;
pub use packets::packets;
pub use tell::tell;

/// What ought to become of a frame.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It passes, untouched.
    Pass(Verdict),
    /// It passes, untouched, by one of these verdicts; by any if there are none.
    Passes(Vec<Verdict>),
    /// It is answered.
    Reply(Box<Query>, Reply),
    /// It is answered with this verdict, and the answer says this, as [`tell`] puts it.
    Says(Verdict, String),
    /// It passes or is answered, just as the authority does.
    Either,
}

/// A frame and what ought to become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// In words.
    pub what: String,
    /// The frame.
    pub frame: Vec<u8>,
    /// What the control words say.
    pub state: State,
    /// What ought to become of it.
    pub expect: Expect,
}

impl Case {
    /// A frame that passes.
    pub fn pass(what: impl Into<String>, frame: Vec<u8>, verdict: Verdict) -> Self {
        Self { what: what.into(), frame, state: State::Serving, expect: Expect::Pass(verdict) }
    }

    /// A query that is answered.
    pub fn reply(what: impl Into<String>, query: Query, reply: Reply) -> Self {
        let frame = query.frame();
        let expect = Expect::Reply(Box::new(query), reply);
        Self { what: what.into(), frame, state: State::Serving, expect }
    }

    /// Insists that what became of the frame is what ought to.
    ///
    /// # Panics
    /// When it isn't.
    pub fn check(&self, outcome: &Outcome) {
        if let Err(fault) = self.judge(outcome) {
            panic!("{}: {fault}", self.what);
        }
    }

    /// Whether what became of the frame is what ought to.
    ///
    /// # Errors
    /// What isn't, in words.
    ///
    /// # Panics
    /// When the answer to a query described in words is wrong.
    pub fn judge(&self, outcome: &Outcome) -> Result<(), String> {
        let _named = Named(&self.what);
        let verdict = outcome.verdict;
        let expect = |wanted: Verdict| {
            if verdict == wanted { Ok(()) } else { Err(format!("{verdict:?}, not {wanted:?}")) }
        };
        let untouched = || {
            if outcome.frame == self.frame { Ok(()) } else { Err("touched".to_owned()) }
        };
        match &self.expect {
            Expect::Pass(wanted) => expect(*wanted).and_then(|()| untouched()),
            Expect::Passes(wanted) => {
                let passes = verdict.action() == Action::Pass;
                if !passes || !wanted.is_empty() && !wanted.contains(&verdict) {
                    return Err(format!("{verdict:?}, not to pass as one of {wanted:?}"));
                }
                untouched()
            }
            Expect::Reply(query, reply) => {
                expect(match reply {
                    Reply::Addresses { .. } => Verdict::Answer,
                    Reply::Nodata { .. } => Verdict::Nodata,
                })?;
                drop(reader::read(query, &outcome.frame, reply));
                Ok(())
            }
            Expect::Says(wanted, words) => {
                expect(*wanted)?;
                let said = tell(&self.opened(outcome)?);
                if said == *words { Ok(()) } else { Err(format!("{said:?}, not {words:?}")) }
            }
            Expect::Either => match verdict.action() {
                Action::Pass => untouched(),
                Action::Tx => self.opened(outcome).map(drop),
                _ => Err(format!("{verdict:?}")),
            },
        }
    }

    /// The reply that a frame became, once everything around it is found right.
    fn opened(&self, outcome: &Outcome) -> Result<message::Reply, String> {
        message::Reply::read(&open_reply_to(&self.frame, &outcome.frame)?)
    }
}

/// Says which case it was when an assertion about it fails.
struct Named<'a>(&'a str);

impl Drop for Named<'_> {
    #[expect(clippy::print_stderr, reason = "the test has failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the case of {}", self.0);
        }
    }
}

/// What mutations start from: every case but the thousands of almost equal ones.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let cases = [packets(), answers(), lengths(), by_country(), nested(), odd(), general()];
    cases.into_iter().flatten().map(|case| case.frame).collect()
}

/// The cases of what is asked most: the first program's, and what passes because of what is around
/// the message.
#[must_use]
pub fn usual() -> Vec<Case> {
    [packets(), answers(), lengths(), strangers(), by_country(), nested(), odd()].concat()
}

/// Every case.
#[must_use]
pub fn all() -> Vec<Case> {
    [usual(), general()].concat()
}
