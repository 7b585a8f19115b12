//! Set up, build, show, test and measure the project.
fn main() {}
