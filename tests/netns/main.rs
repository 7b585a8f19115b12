//! The netns tier: `edge` on a veth pair, asked from another namespace.
//!
//! Needs root. Each test has namespaces of its own, so tests may run at the same time, except
//! those of [`alone`]. Those of [`long`] are the long tier's.

#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

mod alone;
mod answers;
mod attach;
mod authority;
mod bad_input;
mod bpffs;
mod clients;
mod exit;
mod feed;
mod handover;
mod hot;
mod instance;
mod interfaces;
mod long;
mod ntp;
mod ntp_passing;
mod ntp_source;
mod points;
mod reload;
mod resolvers;
mod return_path;
mod slow_disk;
mod switches;
mod time;
mod unit;
