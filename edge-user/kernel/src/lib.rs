//! The kernel's side: the object, its maps as a [`Store`], its programs on interfaces.
//!
//! Only this room names aya. All maps are created and all programs loaded by [`Kernel::load`];
//! afterwards everything works through file descriptors.

mod attach;
mod barrier;
mod bpffs;
mod btf;
mod error;
mod inner;
mod link;
mod memory;
mod object;
mod pins;
mod prefixes;
mod samples;

use std::mem::offset_of;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aya::maps::{Map, MapData, ProgramArray};
use aya::programs::{ProgramError, TestRun as _, TestRunOptions, Xdp};
use aya::util::nr_cpus;
use aya::{Ebpf, EbpfLoader};
use aya_obj::programs::XdpAttachType;
use edge_common::abi::{Cpu, Requests, Shared, TableId, maps};
use edge_common::verdict::Verdict;
use zerocopy::FromZeros as _;

pub use attach::{Attachment, FarEnd, Mode};
pub use barrier::Barrier;
pub use bpffs::Bpffs;
pub use error::KernelError;
pub use pins::{Pins, escape};
pub use samples::{Samples, TakeDropped};

use edge_tables::jiffies;
use edge_tables::store::Store;

/// The loaded object.
#[derive(Debug)]
pub struct Kernel {
    ebpf: Ebpf,
    inner: inner::Inner,
    store: Store,
}

/// What one run of the program over a frame gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// `XDP_TX`, `XDP_PASS` or `XDP_ABORTED`, by its number.
    pub action: u32,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Mean time of a run, when there were several.
    pub time: Duration,
}

/// What the verifier and the kernel say of the program.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Instructions that the verifier followed; it gives up at a million.
    pub verified_instructions: u32,
    /// Octets of machine code.
    pub jited_octets: u32,
}

/// Octets that `BPF_PROG_TEST_RUN` may give back.
const FRAME_OCTETS: usize = 4096;

impl Kernel {
    /// Loads the object: creates every map, has every program verified.
    ///
    /// # Errors
    /// When the object is missing from this build, the kernel or the user's rights are
    /// insufficient, or the kernel refuses a program.
    pub fn load() -> Result<Self, KernelError> {
        Self::load_from(object::octets()?)
    }

    /// As [`Kernel::load`], from an object that isn't built in: the benchmark's, which has more
    /// programs over the same maps.
    ///
    /// # Errors
    /// As [`Kernel::load`].
    pub fn load_from(octets: &[u8]) -> Result<Self, KernelError> {
        let cpus = nr_cpus().map_err(|(path, error)| KernelError::io(path, error))?;
        let rows = u32::try_from(cpus).unwrap_or(u32::MAX);
        let mut loader = EbpfLoader::new();
        loader.map_max_entries(maps::CPU, rows);
        let mut ebpf = loader.load(octets).map_err(KernelError::load)?;
        for name in [maps::PROGRAM, maps::GENERAL_PROGRAM, maps::NTP_PROGRAM, maps::LEASE_PROGRAM] {
            program(&mut ebpf, name)?.load().map_err(|error| KernelError::program(name, error))?;
        }
        chain(&mut ebpf)?;
        let btf = program(&mut ebpf, maps::PROGRAM)?
            .info()
            .map_err(|error| KernelError::program(maps::PROGRAM, error))?
            .btf_id();
        let inner = inner::Inner::create(&mut ebpf, octets, btf)?;
        let shared = memory::map(maps::SHARED, array(&ebpf, maps::SHARED)?, size_of::<Shared>())?;
        let cpus = memory::map(maps::CPU, array(&ebpf, maps::CPU)?, cpus * size_of::<Cpu>())?;
        let store = Store::over(shared, inner.tables()?, cpus);
        let mut kernel = Self { ebpf, inner, store };
        kernel.seed(|| fastrand::u64(1..));
        kernel.set_lease(LEASE);
        Ok(kernel)
    }

    /// The object itself, for the programs and maps that this type knows nothing of.
    pub const fn object_mut(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// The maps' memory.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Sets the random generator of each CPU (never to 0).
    pub fn seed(&mut self, mut seed: impl FnMut() -> u64) {
        for cpu in self.store.cpus.all() {
            if let Some(random) = cpu.get(offset_of!(Cpu, random) / 8) {
                random.store(seed(), Ordering::Relaxed);
            }
        }
    }

    /// Puts a zone slot's tables into the maps of maps, if they aren't there yet. Takes some
    /// milliseconds: the kernel waits until no packet uses what was there.
    ///
    /// # Errors
    /// When there is no such slot.
    pub fn insert(&mut self, table: TableId) -> Result<(), KernelError> {
        self.inner.insert(table)
    }

    /// Waits until every packet that began before the call is through.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn barrier(&mut self) -> Result<(), KernelError> {
        self.inner.barrier()
    }

    /// As [`Self::barrier`], for a thread that isn't to wait for whoever holds this.
    ///
    /// # Errors
    /// When the kernel gives no further handles.
    pub fn own_barrier(&self) -> Result<Barrier, KernelError> {
        self.inner.own_barrier()
    }

    /// Sets how long a lease is, from its next renewal on.
    pub fn set_lease(&self, lease: Duration) {
        let nanoseconds = u64::try_from(lease.as_nanos()).unwrap_or(u64::MAX);
        let jiffies = nanoseconds / jiffies::nanoseconds();
        self.store.control.set_lease_length(jiffies);
    }

    /// Sets of how many answers one is sampled; of none if it is 0.
    pub fn set_sample(&self, one_in: u32) {
        self.store.control.set_sample(one_in);
    }

    /// Begins a lease now.
    ///
    /// # Errors
    /// When the kernel refuses to run the program.
    pub fn renew_lease(&mut self) -> Result<(), KernelError> {
        let program = program(&mut self.ebpf, maps::LEASE_PROGRAM)?;
        let options = TestRunOptions { data_in: Some(&[0; 64]), ..TestRunOptions::new() };
        program
            .test_run(options)
            .map_err(|error| KernelError::program(maps::LEASE_PROGRAM, error))?;
        Ok(())
    }

    /// Ends the lease: from now on every query passes.
    pub fn end_lease(&self) {
        self.store.control.set_lease(0);
    }

    /// How often each verdict was given since loading, in [`Verdict::ALL`]'s order.
    #[must_use]
    pub fn verdicts(&self) -> Vec<u64> {
        self.sums(offset_of!(Cpu, verdicts), Verdict::ALL.len())
    }

    /// How many NTP requests of each kind came in since loading.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let mut requests = Requests::new_zeroed();
        let sums = self.sums(offset_of!(Cpu, requests), requests.counts.len());
        for (count, sum) in requests.counts.iter_mut().zip(sums) {
            *count = sum;
        }
        requests
    }

    /// So many words of [`Cpu`] from octet `at` on, summed over all CPUs.
    fn sums(&self, at: usize, n: usize) -> Vec<u64> {
        let mut sums = vec![0; n];
        for cpu in self.store.cpus.all() {
            for (sum, word) in sums.iter_mut().zip(cpu.iter().skip(at / 8)) {
                *sum += word.load(Ordering::Relaxed);
            }
        }
        sums
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

    /// A handle to run the program by, for another thread.
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

    /// What the verifier said.
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
    /// As [`Kernel::run`].
    ///
    /// # Errors
    /// As there.
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

impl Kernel {
    /// The maps that all zones share, and the table of programs, which the kernel empties when nobody holds it; not the
    /// program's own sections (`.rodata`).
    fn shared(&self) -> impl Iterator<Item = (&str, &MapData)> {
        self.ebpf.maps().filter_map(|(name, map)| match map {
            Map::Array(map) | Map::PerCpuArray(map) | Map::ProgramArray(map)
                if !name.starts_with('.') =>
            {
                Some((name, map))
            }
            Map::LpmTrie(map) => Some((name, map)),
            _ => None,
        })
    }
}

/// A lease lasts this long unless it is renewed: half a minute without a controller, and the
/// authority, if it still lives, answers alone.
pub const LEASE: Duration = Duration::from_secs(30);

fn program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, KernelError> {
    let program = ebpf.program_mut(name).ok_or(KernelError::Object { name })?;
    program.try_into().map_err(|error| KernelError::program(name, error))
}

/// Lets the first program go on with the general one and NTP's.
fn chain(ebpf: &mut Ebpf) -> Result<(), KernelError> {
    for (at, name) in (0..).zip([maps::GENERAL_PROGRAM, maps::NTP_PROGRAM]) {
        let fd = program(ebpf, name)?.fd().map_err(|error| KernelError::program(name, error))?;
        let fd = fd.try_clone().map_err(|error| KernelError::io("keep the program", error))?;
        let map = ebpf.map_mut(maps::PROGRAMS);
        let map = map.ok_or(KernelError::Object { name: maps::PROGRAMS })?;
        let mut programs = ProgramArray::try_from(map).map_err(KernelError::map(maps::PROGRAMS))?;
        programs.set(at, &fd, 0).map_err(KernelError::map(maps::PROGRAMS))?;
    }
    Ok(())
}

fn array<'a>(ebpf: &'a Ebpf, name: &'static str) -> Result<&'a MapData, KernelError> {
    match ebpf.map(name) {
        Some(Map::Array(map)) => Ok(map),
        _ => Err(KernelError::Object { name }),
    }
}
