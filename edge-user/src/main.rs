//! The program `edge`.
fn main() {}
