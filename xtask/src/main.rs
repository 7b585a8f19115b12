//! `cargo xtask`: one command for each chore of the project.
//!
//! A new command is a file with an `Args` struct and `fn run(&Args) -> Result<()>`, a variant of
//! [`Command`] and a line in [`run`].

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod build;
mod cmd;
mod demo;
mod fuzz;
mod lint;
mod print;
mod requirement;
mod setup;
mod steps;
mod system;
mod test;
mod toolchain;

/// Set up, build, show, test and measure the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or install what the eBPF build and the tests need
    Setup(setup::Args),
    /// Build the BPF object and target/release/edge with it inside
    Build(build::Args),
    /// Show it at work: real queries over a veth pair, and who answered them
    Demo(demo::Args),
    /// Measure the XDP program: nanoseconds a query, and replies a second over a veth pair
    Bench(bench::Args),
    /// Give what reads foreign octets octets that nobody would send
    Fuzz(fuzz::Args),
    /// Check formatting and lints, host and kernel
    Lint(lint::Args),
    /// Run all tests, or those of one tier
    Test(test::Args),
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Setup(args) => setup::run(args),
        Command::Build(args) => build::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Fuzz(args) => fuzz::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Test(args) => test::run(args),
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::error(&error);
            ExitCode::FAILURE
        }
    }
}
