//! The kernel tier: frames through the verified program.
//!
//! They go through it by `BPF_PROG_TEST_RUN`; nothing is attached to any interface. Needs root.
#![cfg_attr(test, expect(clippy::print_stdout, reason = "numbers that are worth reading"))]

#[cfg(test)]
mod clock;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod many;
#[cfg(test)]
mod maps;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod same;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod time;
