//! The netns tier: the program `edge` on a veth pair between two network namespaces, asked by
//! `dig`. Needs root.

#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

mod answers;
mod attach;
mod authority;
mod bad_input;
mod bpffs;
mod clients;
mod exit;
mod feed;
mod fleet;
mod hot;
mod limits;
mod load;
mod ntp;
mod ntp_passing;
mod ntp_source;
mod points;
mod reload;
mod resolvers;
mod return_path;
mod switches;
mod time;
