//! Tests of a real `edge run` with a feed, without XDP and without root.
//!
//! They check what it serves and reports when its sources are well, bad, slow, or gone.
#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

mod alone;
mod documents;
mod files;
mod node;
mod rows;
mod server;
mod signed;
mod sources;
mod tls;
