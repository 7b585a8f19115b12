//! What is known about this machine: its system and its Rust toolchain.
//!
//! A snapshot, read once. The functions that judge it take it as an argument, so that tests can
//! make up machines.

use crate::cmd::Cmd;
use crate::system::System;
use crate::toolchain::{LINKER_ENV, Toolchain};

/// The machine, as it was when [`Facts::read`] ran.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The operating system.
    pub(crate) system: System,
    /// Rust and the linker.
    pub(crate) toolchain: Toolchain,
}

impl Facts {
    /// Reads them. Of all commands and packages only the named ones are looked for.
    pub(crate) fn read(commands: &[&'static str], packages: &[&str]) -> Self {
        let system = System::read(commands, packages);
        let toolchain = Toolchain::read(&system);
        Self { system, toolchain }
    }

    /// A cargo command that finds the BPF linker.
    pub(crate) fn cargo(&self, args: &[&str]) -> Cmd {
        let cargo = Cmd::new("cargo").args(args.iter().copied());
        match &self.toolchain.linker {
            Some(linker) if !linker.found_by_cargo => cargo.env(LINKER_ENV, &linker.path),
            _ => cargo,
        }
    }

    /// A cargo command that compiles for this machine in the profile of development.
    ///
    /// The BPF object is built if there is a linker, as by cargo alone, so that lints, tests and
    /// cargo alone don't undo each other's work.
    pub(crate) fn host_cargo(&self, args: &[&str]) -> Cmd {
        let cargo = self.cargo(args);
        match self.toolchain.linker {
            Some(_) => cargo,
            None => cargo.env("EDGE_EBPF", "skip"),
        }
    }
}
