//! All paths of a frame, as the host runs them.
//!
//! The hot path comes first; where it says so, the general path or NTP's follows, from the frame's
//! beginning. In the kernel they are three programs.

use zerocopy::FromZeros as _;

use crate::frame::Frame;
use crate::general::general;
use crate::hot::{Exit, hot};
use crate::ntp::ntp;
use crate::scratch::Scratch;
use crate::tables::Tables;
use crate::verdict::Verdict;

/// Decides on a frame, and turns it into its answer where the verdict says so. `tables` are those
/// of one thread.
#[inline]
pub fn ingress<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Verdict {
    match hot(frame, tables) {
        Exit::Done(verdict) => verdict,
        Exit::General => general(frame, tables, &mut Scratch::new_zeroed()),
        Exit::Ntp => ntp(frame, tables),
    }
}
