//! The long tier's part of the netns tier.
//!
//! Clients that take minutes to build (ntpd-rs is in no package of Debian's; `cargo xtask setup
//! --long` builds it), and what takes minutes itself: [`replies`].

mod replies;

use edge_tests::netns::{SERVER, TimeClientKind};

use crate::ntp::{accepts, telling};
use crate::ntp_source::gives_up_while_flagged;

#[test]
fn ntpd_rs_synchronises_with_the_node_by_both_families() {
    let (rig, source) = telling("");
    accepts(&rig, &source, TimeClientKind::NtpdRs, &SERVER);
}

#[test]
fn ntpd_rs_gives_up_on_a_node_that_knows_no_time_and_comes_back() {
    gives_up_while_flagged(&[TimeClientKind::NtpdRs]);
}
