//! How a command ended: its exit code.

use std::process::ExitCode;

/// The exit codes, for `--help`. clap ends the program with 2.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or `edge check` found an error
  2  wrong usage: the arguments aren't good, and nothing was done
  3  alarm: done, and what was found needs a look (`edge preview`: a new monopoly; `edge feed diff`:
     a zone that loses too much)";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It is done, and what it found needs a look.
    Alarm,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Alarm => 3,
        })
    }
}
