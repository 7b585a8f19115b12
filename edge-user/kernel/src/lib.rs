//! The XDP programs in the kernel, and their maps as a [`Store`].
//!
//! Only this crate uses aya. [`Kernel::load`] creates all maps and loads all programs; afterwards
//! everything works through file descriptors. What only tests and measurements call is behind the
//! feature `testing`.
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod attach;
mod barrier;
mod bpffs;
mod btf;
mod error;
mod inner;
mod interfaces;
mod memory;
mod mode;
mod object;
mod pins;
mod prefixes;
mod samples;
#[cfg(feature = "testing")]
mod testing;

use std::mem::offset_of;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aya::maps::{Map, MapData, ProgramArray};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use aya::util::nr_cpus;
use aya::{Ebpf, EbpfLoader};
use edge_common::abi::{Cpu, Requests, Shared, TableId, maps};
use edge_common::verdict::Verdict;
use zerocopy::FromZeros as _;

pub use attach::{Attachment, Attachments};
pub use barrier::Barrier;
pub use bpffs::Bpffs;
pub use error::KernelError;
pub use interfaces::{Changes, Interface, addresses, list as interfaces};
pub use mode::Mode;
pub use pins::{Pins, escape};
pub use samples::{Samples, TakeDropped};
#[cfg(feature = "testing")]
pub use testing::{Facts, FarEnd, Run, Runner};

use edge_tables::jiffies;
use edge_tables::store::Store;

/// The loaded object.
#[derive(Debug)]
pub struct Kernel {
    ebpf: Ebpf,
    /// The kernel's number of the program that is attached.
    program_id: u32,
    inner: inner::Inner,
    store: Store,
}

impl Kernel {
    /// Loads the object: creates every map, and has the kernel verify every program.
    ///
    /// # Errors
    /// When the object is missing from this build, the kernel or the user's rights are
    /// insufficient, or the kernel refuses a program.
    pub fn load() -> Result<Self, KernelError> {
        Self::load_octets(object::octets()?)
    }

    fn load_octets(octets: &[u8]) -> Result<Self, KernelError> {
        let cpus = nr_cpus().map_err(|(path, error)| KernelError::io(path, error))?;
        let rows = u32::try_from(cpus).unwrap_or(u32::MAX);
        let mut loader = EbpfLoader::new();
        loader.map_max_entries(maps::CPU, rows);
        let mut ebpf = loader.load(octets).map_err(KernelError::load)?;
        for name in [maps::PROGRAM, maps::GENERAL_PROGRAM, maps::NTP_PROGRAM, maps::LEASE_PROGRAM] {
            program(&mut ebpf, name)?.load().map_err(|error| KernelError::program(name, error))?;
        }
        chain(&mut ebpf)?;
        let info = program(&mut ebpf, maps::PROGRAM)?
            .info()
            .map_err(|error| KernelError::program(maps::PROGRAM, error))?;
        let program_id = info.id();
        let inner = inner::Inner::create(&mut ebpf, octets)?;
        let shared = memory::map(maps::SHARED, array(&ebpf, maps::SHARED)?, size_of::<Shared>())?;
        let cpus = memory::map(maps::CPU, array(&ebpf, maps::CPU)?, cpus * size_of::<Cpu>())?;
        let store = Store::over(shared, inner.tables()?, cpus);
        let mut kernel = Self { ebpf, program_id, inner, store };
        kernel.seed(|| fastrand::u64(1..));
        kernel.set_lease(LEASE);
        Ok(kernel)
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

    /// Puts a zone slot's tables into the maps of maps, if they aren't there yet.
    ///
    /// It takes some milliseconds: the kernel waits until no packet uses what was there before.
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

    /// A barrier like [`Self::barrier`], for a thread that mustn't wait for this value's owner.
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

    /// Sets the sampling interval: one in `one_in` answers is sampled, none if it is 0.
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

    /// Frames by verdict since loading, in the order of [`Verdict::ALL`].
    #[must_use]
    pub fn verdicts(&self) -> Vec<u64> {
        self.sums(offset_of!(Cpu, verdicts), Verdict::ALL.len())
    }

    /// NTP requests by kind since loading.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let mut requests = Requests::new_zeroed();
        let sums = self.sums(offset_of!(Cpu, requests), requests.counts.len());
        for (count, sum) in requests.counts.iter_mut().zip(sums) {
            *count = sum;
        }
        requests
    }

    /// `n` words of [`Cpu`] from octet `at` on, each summed over all CPUs.
    fn sums(&self, at: usize, n: usize) -> Vec<u64> {
        let mut sums = vec![0; n];
        for cpu in self.store.cpus.all() {
            for (sum, word) in sums.iter_mut().zip(cpu.iter().skip(at / 8)) {
                *sum += word.load(Ordering::Relaxed);
            }
        }
        sums
    }
}

impl Kernel {
    /// The maps that all zones share, and the table of programs, but not the program's own sections
    /// (`.rodata`). The kernel empties the table of programs when nobody holds it.
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

/// The length of a lease that isn't renewed. After half a minute without a controller, the
/// authority answers alone, if it still runs.
pub const LEASE: Duration = Duration::from_secs(30);

fn program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, KernelError> {
    let program = ebpf.program_mut(name).ok_or(KernelError::Object { name })?;
    program.try_into().map_err(|error| KernelError::program(name, error))
}

/// Lets the first program tail-call the general one and NTP's.
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
