//! The whole way of a frame, as the host goes it: the hot path, and from its beginning the general one or NTP's where
//! that says so. In the kernel they are three programs.

use zerocopy::FromZeros as _;

use crate::frame::Frame;
use crate::general::general;
use crate::hot::{Exit, hot};
use crate::ntp::ntp;
use crate::scratch::Scratch;
use crate::tables::Tables;
use crate::verdict::Verdict;

/// Rules on a frame, and turns it into its answer where the verdict says so.
#[inline]
pub fn ingress<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Verdict {
    match hot(frame, tables) {
        Exit::Done(verdict) => verdict,
        Exit::General => general(frame, tables, &mut Scratch::new_zeroed()),
        Exit::Ntp => ntp(frame, tables),
    }
}
