//! A loaded object with the pool in its maps; frames and states in, times out.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use aya::maps::{Array, MapData, PerCpuArray};
use aya::programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use edge_common::abi::{Nsid, TableId};
use edge_common::tables::GOLDEN;
use edge_common::wire::checksum::Sum;
use edge_kernel::Kernel;
use edge_tables::live::limits;
use edge_tables::publish::{NoKernel, Publishable, Publisher};
use edge_tests::node;

use crate::mix::{FRAMES, Sent};
use crate::ntp::time;
use crate::pool::{COOKIE_TIME, Case, SECRET, SERVER4, SERVER6, Sources};

/// Words of the octets of a template; see edge-ebpf's `bench/state.rs` for this and what follows.
const WORDS: usize = 22;
type Template = [u64; 3 + WORDS];
type State = [u64; 16];
const TEMPLATES: u32 = 256;

/// What is a reply.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replies {
    /// Octets that its frame has at least.
    pub least: usize,
    /// VN and mode, if it is NTP; else 0.
    pub first: u8,
}

type Prepared = [u64; 1 + WORDS];
type Turn = [u64; 3];
/// Kinds of what the counter of a mix counts: RCODEs, and what is no reply.
pub(crate) const KINDS: usize = 17;

/// Octets of the frame that the kernel is given to run a program over.
const FRAME: usize = 128;
/// What is in the benchmark's object beside `edge`.
const PROGRAMS: [&str; 9] = [
    "prelude",
    "prelude_reflector",
    "prelude_clock",
    "generator",
    "pacer",
    "reflector",
    "sink",
    "mixer",
    "tally",
];
/// What the server calls itself.
const NSID: &[u8] = b"bench";

/// A loaded object.
pub(crate) struct Subject {
    kernel: Kernel,
    /// Keeps the tables as they are.
    publisher: Publisher,
}

/// The object that `cargo xtask bench` builds beside the shipped one.
fn bench_object() -> Result<Vec<u8>> {
    let own = std::env::current_exe().context("find the running program")?;
    let target = own.ancestors().nth(3).map_or_else(PathBuf::new, PathBuf::from);
    let path = target.join("bpf/bpfel-unknown-none/bpf/edge-bench");
    let missing = || format!("read {}; run `cargo xtask bench`, which builds it", path.display());
    std::fs::read(&path).with_context(missing)
}

impl Subject {
    /// The shipped object.
    pub(crate) fn shipped(zones: &[Publishable]) -> Result<Self> {
        Self::new(Kernel::load()?, zones)
    }

    /// The benchmark's object, whose `edge` runs behind a prelude.
    pub(crate) fn bench(zones: &[Publishable]) -> Result<Self> {
        let mut kernel = Kernel::load_from(&bench_object()?)?;
        for name in PROGRAMS {
            let program = kernel.object_mut().program_mut(name).context(name)?;
            <&mut Xdp>::try_from(program)?.load().with_context(|| format!("load {name}"))?;
        }
        Self::new(kernel, zones)
    }

    fn new(mut kernel: Kernel, zones: &[Publishable]) -> Result<Self> {
        for class in 0..3 {
            kernel.insert(TableId::new(class, 0))?;
        }
        let mut publisher =
            node::publisher(kernel.store(), Box::new(NoKernel), &[SERVER4, SERVER6]);
        publisher.serve_both(&[SERVER4, SERVER6], &time::SERVICES)?;
        node::publish(&mut publisher, zones);
        kernel.set_lease(Duration::from_secs(24 * 60 * 60));
        kernel.renew_lease()?;
        let subject = Self { kernel, publisher };
        subject.identify();
        Ok(subject)
    }

    /// Says what cookies are made with and when, and what the server calls itself.
    fn identify(&self) {
        let control = self.store().control;
        control.set_unix_seconds(COOKIE_TIME);
        let (words, _) = SECRET.as_chunks();
        let mut secrets = [[0; 2]; 2];
        for (to, from) in secrets[0].iter_mut().zip(words) {
            *to = u64::from_ne_bytes(*from);
        }
        // One secret, on the first side.
        control.set_cookie_secrets(0, &secrets);
        control.set_cookie_state(1 << 1);
        let mut nsid = Nsid { octets_used: NSID.len() as u64, octets: [0; Nsid::MOST] };
        for (to, from) in nsid.octets.iter_mut().zip(NSID) {
            *to = *from;
        }
        control.set_nsid(&nsid);
    }

    /// The tables' memory.
    pub(crate) fn store(&self) -> &edge_tables::store::Store {
        self.publisher.store()
    }

    /// How often each verdict was given.
    pub(crate) fn verdicts(&self) -> Vec<u64> {
        self.kernel.verdicts()
    }

    /// A program.
    pub(crate) fn program(&mut self, name: &str) -> Result<&mut Xdp> {
        let program =
            self.kernel.object_mut().program_mut(name).with_context(|| name.to_owned())?;
        Ok(program.try_into()?)
    }

    /// What becomes of a frame.
    pub(crate) fn run(&self, frame: &[u8]) -> Result<Vec<u8>> {
        Ok(self.kernel.run(frame, 1)?.frame)
    }

    /// A map of entries that are words.
    pub(crate) fn array<T: aya::Pod>(&mut self, name: &str) -> Result<Array<&mut MapData, T>> {
        let map = self.kernel.object_mut().map_mut(name).with_context(|| name.to_owned())?;
        Ok(map.try_into()?)
    }

    /// Sets the nanoseconds from one paced frame to the next.
    pub(crate) fn set_gap(&mut self, gap: u64) -> Result<()> {
        let mut map = self.array::<State>("STATE")?;
        let mut state = map.get(&0, 0)?;
        state[14] = gap;
        Ok(map.set(0, state, 0)?)
    }

    /// Makes a case's queries the templates; gives the octets of the last one's frame.
    pub(crate) fn set_queries(&mut self, case: &Case) -> Result<usize> {
        limits::set_rate(self.store(), case.limits);
        let clock = case.is_time.then(time::clock);
        time::publish(self.store(), clock.as_ref());
        let mut rng = fastrand::Rng::with_seed(3);
        self.set_templates(|| case.frame(&mut rng))
    }

    /// Fills the templates; gives the octets of the last one's frame.
    pub(crate) fn set_templates(&mut self, mut frame: impl FnMut() -> Vec<u8>) -> Result<usize> {
        let mut octets = 0;
        let mut templates = self.array::<Template>("TEMPLATE")?;
        for at in 0..TEMPLATES {
            let frame = frame();
            octets = frame.len();
            templates.set(at, template(&frame)?, 0)?;
        }
        Ok(octets)
    }

    /// Begins again with these sources. `octets`: those of the frame that the next run begins with.
    pub(crate) fn set_state(
        &mut self,
        sources: Sources,
        octets: usize,
        replies: Replies,
    ) -> Result<()> {
        let mut state: State = [0; 16];
        state[0] = GOLDEN;
        state[1] = sources.prefix;
        state[2] = sources.varying;
        state[4] = octets as u64;
        state[12] = replies.least as u64;
        state[13] = replies.first.into();
        Ok(self.array::<State>("STATE")?.set(0, state, 0)?)
    }

    /// Replies that the sink took for good, and others.
    pub(crate) fn replies(&mut self) -> Result<[u64; 2]> {
        self.counts("REPLIES")
    }

    /// What a map of counters has counted on all CPUs.
    pub(crate) fn counts<const N: usize>(&mut self, name: &str) -> Result<[u64; N]> {
        let map = self.kernel.object_mut().map_mut(name).with_context(|| name.to_owned())?;
        let counters: PerCpuArray<_, u64> = map.try_into()?;
        let mut sums = [0; N];
        for (at, sum) in (0..).zip(&mut sums) {
            *sum = counters.get(&at, 0)?.iter().sum();
        }
        Ok(sums)
    }

    /// What came back of prepared frames, by RCODE; the last is what was no reply.
    pub(crate) fn tally(&mut self) -> Result<[u64; KINDS]> {
        self.counts("TALLY")
    }

    /// Writes a deck of prepared frames.
    pub(crate) fn set_deck(&mut self, deck: u32, frames: &[Sent]) -> Result<()> {
        anyhow::ensure!(frames.len() == FRAMES, "a deck of {} frames", frames.len());
        let mut map = self.array::<Prepared>("MIX")?;
        for (at, Sent { octets, letters }) in (deck * u32::try_from(FRAMES)?..).zip(frames) {
            let front = octets.len() as u64 | (letters.unwrap_or_default() as u64) << 32;
            let mut prepared = [0; 1 + WORDS];
            for (to, from) in prepared.iter_mut().zip([front].into_iter().chain(words(octets)?)) {
                *to = from;
            }
            map.set(at, prepared, 0)?;
        }
        Ok(())
    }

    /// Sends prepared frames of a deck from an interface of this namespace.
    pub(crate) fn send_deck(&mut self, deck: u64, ifindex: u32, repeat: u32) -> Result<()> {
        let turn: Turn = [fastrand::u64(1..), 0, deck];
        self.array::<Turn>("TURN")?.set(0, turn, 0)?;
        self.send("mixer", ifindex, 8 * WORDS, repeat)
    }

    /// Mean nanoseconds of a run of a program behind the prelude.
    pub(crate) fn time(&mut self, program: &str, sources: Sources, repeat: u32) -> Result<f64> {
        self.set_state(sources, FRAME, Replies::default())?;
        let result = self.program(program)?.test_run(TestRunOptions {
            data_in: Some(&[0; FRAME]),
            repeat,
            ..TestRunOptions::new()
        })?;
        if result.return_value == 0 {
            bail!("program {program}: aborted");
        }
        Ok(result.duration.as_nanos() as f64)
    }

    /// Has a program make and send frames of `octets` octets from an interface of this namespace.
    pub(crate) fn send(
        &mut self,
        program: &str,
        ifindex: u32,
        octets: usize,
        repeat: u32,
    ) -> Result<()> {
        let length = u32::try_from(octets)?;
        let context = [0, length, 0, ifindex, 0, 0].map(u32::to_ne_bytes).concat();
        self.program(program)?.test_run(TestRunOptions {
            data_in: Some(&vec![0; octets]),
            ctx_in: Some(&context),
            repeat,
            attrs: TestRunAttrs::new().xdp_live_frames(64),
            ..TestRunOptions::new()
        })?;
        Ok(())
    }
}

/// A frame's octets as words, padded.
fn words(frame: &[u8]) -> Result<[u64; WORDS]> {
    let mut padded = [0; 8 * WORDS];
    let Some(front) = padded.get_mut(..frame.len()) else {
        return Err(anyhow!("a frame of {} octets is too long for a template", frame.len()));
    };
    front.copy_from_slice(frame);
    let (words, _) = padded.as_chunks();
    let mut out = [0; WORDS];
    for (to, from) in out.iter_mut().zip(words) {
        *to = u64::from_ne_bytes(*from);
    }
    Ok(out)
}

/// A frame as the programs want it.
fn template(frame: &[u8]) -> Result<Template> {
    let six = frame.get(12..14) == Some(&[0x86, 0xdd]);
    let mut sum = 0;
    if !six {
        let mut header = frame.get(14..34).context("an IPv4 header")?.to_vec();
        header.drain(10..16);
        sum = u64::from(Sum::default().add_octets(&header).fold());
    }
    let last = frame.last_chunk().context("a frame of eight octets")?;
    let front = frame.len() as u64 | u64::from(six) << 32;
    let mut template = [0; 3 + WORDS];
    let content = [front, sum, u64::from_ne_bytes(*last)];
    for (to, from) in template.iter_mut().zip(content.into_iter().chain(words(frame)?)) {
        *to = from;
    }
    Ok(template)
}
