//! The general path: every query that the hot path leaves.
//!
//! It takes any legal name and type, EDNS with options, limits, and the operator's switches. It
//! reads the frame again from the beginning.
//!
//! The stages are envelope, question, options, rulings, name, answer, reply. Each stage keeps what
//! the next ones need in a [`Scratch`]. Nothing is written into the frame before the last stage; by
//! then everything that could fail has been decided. The order of the rulings is the authority's.

mod answer;
mod envelope;
mod name;
mod options;
mod question;
mod reply;
mod ruling;

use crate::abi::switches;
use crate::frame::Frame;
use crate::scratch::Scratch;
use crate::tables::Tables;
use crate::verdict::{Action, Verdict};

/// Decides on a frame, and turns it into its answer where the verdict says so.
#[inline(always)]
pub fn general<F: Frame, T: Tables>(frame: &mut F, tables: &T, scratch: &mut Scratch) -> Verdict {
    scratch.switches = tables.switches();
    let verdict = match decide(frame, tables, scratch) {
        Ok(verdict) | Err(verdict) => verdict,
    };
    match verdict.action() {
        Action::Pass | Action::Aborted => return verdict,
        Action::Tx | Action::Drop => {}
    }
    if scratch.switches & switches::DRY_RUN != 0 {
        return Verdict::DryRun;
    }
    if let Action::Drop = verdict.action() {
        return verdict;
    }
    F::compiler_fence(scratch);
    match reply::send(frame, tables, scratch) {
        Ok(()) => {
            tables.mark_hit(scratch.hit);
            tables.count_hit();
            verdict
        }
        Err(failure) => failure,
    }
}

/// Decides what becomes of a frame, and prepares the reply where there is one.
#[inline(always)]
fn decide<F: Frame, T: Tables>(
    frame: &F,
    tables: &T,
    scratch: &mut Scratch,
) -> Result<Verdict, Verdict> {
    envelope::read(frame, tables, scratch)?;
    F::compiler_fence(scratch);
    question::read(frame, scratch)?;
    F::compiler_fence(scratch);
    options::read(frame, scratch)?;
    F::compiler_fence(scratch);
    ruling::side(tables, scratch)?;
    F::compiler_fence(scratch);
    let decided = ruling::rule::<F, T>(tables, scratch)?;
    F::compiler_fence(scratch);
    let verdict = match decided {
        Some(verdict) => verdict,
        None if name::find::<F, T>(tables, scratch)? => {
            F::compiler_fence(scratch);
            answer::choose::<F, T>(tables, scratch)?
        }
        None => ruling::unknown(scratch)?,
    };
    F::compiler_fence(scratch);
    reply::prepare::<F, T>(tables, scratch)?;
    Ok(verdict)
}
