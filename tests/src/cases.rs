//! What both tiers ask: a frame, the control words' state, and what ought to become of it.

mod names;
mod packets;

use edge_common::verdict::Verdict;

use crate::engine::{Outcome, State};
use crate::frames::Query;
use crate::reader::{self, Reply};

pub use names::{answers, by_country, lengths, nested, odd, strangers};
pub(crate) use packets::mend4;
pub use packets::packets;

/// What ought to become of a frame.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It passes, untouched.
    Pass(Verdict),
    /// It is answered.
    Reply(Box<Query>, Reply),
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
        let _named = Named(&self.what);
        match &self.expect {
            Expect::Pass(verdict) => {
                assert_eq!(outcome.verdict, *verdict, "{}", self.what);
                assert_eq!(outcome.frame, self.frame, "{}: touched", self.what);
            }
            Expect::Reply(query, reply) => {
                let verdict = match reply {
                    Reply::Addresses { .. } => Verdict::Answer,
                    Reply::Nodata { .. } => Verdict::Nodata,
                };
                assert_eq!(outcome.verdict, verdict, "{}", self.what);
                drop(reader::read(query, &outcome.frame, reply));
            }
        }
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
    let cases = [packets(), answers(), lengths(), by_country(), nested(), odd()];
    cases.into_iter().flatten().map(|case| case.frame).collect()
}

/// Every case.
#[must_use]
pub fn all() -> Vec<Case> {
    [packets(), answers(), lengths(), strangers(), by_country(), nested(), odd()].concat()
}
