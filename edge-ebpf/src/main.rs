//! The XDP program; on the host an empty stub.
fn main() {}
