//! The calls that only tests, demonstrations and measurements use.

use std::time::Duration;

use aya::maps::Map;
use aya::programs::{ProgramError, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use aya_obj::programs::XdpAttachType;
use edge_common::abi::maps;

use super::attach::{explain, list};
use super::{Kernel, KernelError, Mode, memory, object, program};

/// The result of one run of the program over a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// `XDP_TX`, `XDP_PASS` or `XDP_ABORTED`, by its number.
    pub action: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Mean time of a run, if there were several.
    pub time: Duration,
}

/// What the verifier and the kernel report about the program.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Instructions that the verifier followed; it gives up at a million.
    pub verified_instructions: u32,
    /// Octets of machine code.
    pub jited_octets: u32,
}

/// Octets that `BPF_PROG_TEST_RUN` may return.
const FRAME_OCTETS: usize = 4096;

impl Kernel {
    /// Loads an object that isn't built in, as [`Kernel::load`] does with the one that is.
    ///
    /// It is for the benchmark's object, which has more programs over the same maps.
    ///
    /// # Errors
    /// As [`Kernel::load`].
    pub fn load_from(octets: &[u8]) -> Result<Self, KernelError> {
        Self::load_octets(octets)
    }

    /// The object itself, for programs and maps that this type has no methods for.
    pub const fn object_mut(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// Runs the program over a frame by `BPF_PROG_TEST_RUN`, as if it had come in by the loopback
    /// interface (index 1).
    ///
    /// # Errors
    /// When the kernel refuses, as for frames of under 14 octets.
    pub fn run(&self, frame: &[u8], repeat: u32) -> Result<Run, KernelError> {
        let program = self.ebpf.program(maps::PROGRAM);
        let program = program.ok_or(KernelError::Object { name: maps::PROGRAM })?;
        run(program.try_into().map_err(refused)?, frame, repeat)
    }

    /// A handle with which another thread can run the program.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn runner(&self) -> Result<Runner, KernelError> {
        let program = self.ebpf.program(maps::PROGRAM);
        let program = program.ok_or(KernelError::Object { name: maps::PROGRAM })?;
        let info = program.info().map_err(refused)?;
        let program = Xdp::from_program_info(info, maps::PROGRAM.into(), XdpAttachType::Interface);
        Ok(Runner { program: program.map_err(refused)? })
    }

    /// What the verifier and the kernel report about the program.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn facts(&mut self) -> Result<Facts, KernelError> {
        let info = program(&mut self.ebpf, maps::PROGRAM)?
            .info()
            .map_err(|error| KernelError::program(maps::PROGRAM, error))?;
        Ok(Facts {
            verified_instructions: info.verified_instruction_count().unwrap_or_default(),
            jited_octets: info.size_jitted(),
        })
    }

    /// Octets of kernel memory in all maps, as the kernel accounts for them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn map_octets(&self) -> Result<u64, KernelError> {
        let shared = self.shared().map(|(_, map)| memory::octets(map)).sum::<Result<u64, _>>()?;
        let ring = match self.ebpf.map(maps::SAMPLES) {
            Some(Map::RingBuf(ring)) => memory::octets(ring)?,
            _ => 0,
        };
        Ok(shared + ring + self.inner.octets()?)
    }
}

/// Runs the program over frames while the kernel's owner goes on.
#[derive(Debug)]
pub struct Runner {
    program: Xdp,
}

impl Runner {
    /// Runs the program over a frame, as [`Kernel::run`] does.
    ///
    /// # Errors
    /// When the kernel refuses, as in [`Kernel::run`].
    pub fn run(&self, frame: &[u8], repeat: u32) -> Result<Run, KernelError> {
        run(&self.program, frame, repeat)
    }
}

fn run(program: &Xdp, frame: &[u8], repeat: u32) -> Result<Run, KernelError> {
    let mut out = vec![0; FRAME_OCTETS];
    let options = TestRunOptions {
        data_in: Some(frame),
        data_out: Some(&mut out),
        repeat,
        ..TestRunOptions::new()
    };
    let result = program.test_run(options).map_err(refused)?;
    out.truncate(result.data_size_out as usize);
    Ok(Run { action: result.return_value, frame: out, time: result.duration })
}

fn refused(error: ProgramError) -> KernelError {
    KernelError::program(maps::PROGRAM, error)
}

/// A program that passes everything, on the far end of a veth pair, for demonstrations and tests.
///
/// It is detached when this value is dropped.
#[derive(Debug)]
pub struct FarEnd {
    _ebpf: Ebpf,
}

impl FarEnd {
    /// Attaches the program in native mode. The maps in its object are created, too.
    ///
    /// # Errors
    /// When there is no such interface, or the kernel refuses.
    pub fn attach(interface: &str) -> Result<Self, KernelError> {
        Self::attach_in(interface, Mode::Native)
    }

    /// The same, in any mode.
    ///
    /// # Errors
    /// When there is no such interface, or the kernel refuses.
    pub fn attach_in(interface: &str, mode: Mode) -> Result<Self, KernelError> {
        let found = list()?.into_iter().find(|link| link.is_called(interface));
        let link = found.ok_or_else(|| KernelError::NoInterface { name: interface.to_owned() })?;
        let mut ebpf = EbpfLoader::new().load(object::octets()?).map_err(KernelError::load)?;
        let program = program(&mut ebpf, maps::PASS_PROGRAM)?;
        program.load().map_err(|error| KernelError::program(maps::PASS_PROGRAM, error))?;
        program
            .attach_to_if_index(link.index, mode.xdp())
            .map_err(|cause| explain(interface, &link, mode, &cause))?;
        Ok(Self { _ebpf: ebpf })
    }
}
