//! Replies a second over a veth pair: `edge` and the bare reflector in turn.
//!
//! Both are behind one generator. Both ends are in namespaces without a name, which only this
//! process holds. When the process ends, the kernel removes them, and the link with them.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aya::programs::XdpMode;
use edge_common::abi::Device;
use edge_tests::frames::{CLIENT_MAC, SERVER_MAC};
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, setns, unshare};

use crate::figures::Spread;
use crate::pool::{self, CASES, Case, SERVER4, SERVER6};
use crate::subject::{Replies, Subject};

/// The client's end of the link.
pub(crate) const CLIENT: &str = "edge-client";
/// The server's.
pub(crate) const SERVER: &str = "edge-server";

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Frames sent.
    pub sent: u64,
    /// Good replies that came back.
    pub replies: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

impl Run {
    /// Replies a second.
    pub(crate) fn rate(&self) -> f64 {
        self.replies as f64 / self.seconds
    }
}

/// Pairs of runs, one after the other.
pub(crate) struct Rates {
    /// What was asked.
    pub case: Case,
    /// `edge` and the reflector.
    pub pairs: Vec<(Run, Run)>,
}

impl Rates {
    /// The ratios of each pair.
    pub(crate) fn ratios(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(edge, reflector)| edge.rate() / reflector.rate()))
    }

    /// Replies a second of `edge` and of the reflector.
    pub(crate) fn rates(&self) -> [Spread; 2] {
        [
            Spread::of(self.pairs.iter().map(|pair| pair.0.rate())),
            Spread::of(self.pairs.iter().map(|pair| pair.1.rate())),
        ]
    }

    /// Frames that were sent and not answered, of `edge` and of the reflector.
    pub(crate) fn lost(&self) -> [u64; 2] {
        let lost = |run: &Run| run.sent - run.replies.min(run.sent);
        let pairs = self.pairs.iter();
        pairs.fold([0, 0], |[a, b], (edge, mirror)| [a + lost(edge), b + lost(mirror)])
    }
}

fn own_namespace() -> Result<File> {
    File::open("/proc/thread-self/ns/net").context("open the network namespace")
}

/// Moves this thread into a namespace of its own.
fn new_namespace() -> Result<File> {
    unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace")?;
    for end in ["default", "all"] {
        // No neighbour discovery among the counted frames.
        let path = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
        std::fs::write(&path, "1").with_context(|| format!("write {path}"))?;
    }
    own_namespace()
}

/// Runs `ip` in this thread's namespace.
pub(crate) fn ip(args: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(args).output().context("start ip")?;
    if !output.status.success() {
        bail!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Makes a veth pair from the client's namespace, in which the thread is, to the server's.
fn pair(near: &str, far: &str, client: &File, server: &File) -> Result<()> {
    let other = format!("/proc/{}/fd/{}", std::process::id(), server.as_raw_fd());
    let (near_mac, far_mac) = (text(CLIENT_MAC), text(SERVER_MAC));
    let near_end = ["link", "add", near, "address", &near_mac, "type", "veth"];
    let far_end = ["peer", "name", far, "address", &far_mac, "netns", &other];
    ip(&[near_end.as_slice(), &far_end].concat())?;
    ip(&["link", "set", near, "up"])?;
    setns(server, CloneFlags::CLONE_NEWNET)?;
    ip(&["link", "set", far, "up"])?;
    setns(client, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}

/// The two namespaces with the link between them. The thread is in the client's.
pub(crate) struct Link {
    outside: File,
    client: File,
    server: File,
    /// Of the client's end, in its namespace.
    pub(crate) ifindex: u32,
}

/// A link-layer address in words.
pub(crate) fn text(address: [u8; 6]) -> String {
    address.map(|octet| format!("{octet:02x}")).join(":")
}

impl Link {
    /// A new one.
    pub(crate) fn new() -> Result<Self> {
        let outside = own_namespace()?;
        let server = new_namespace()?;
        let client = new_namespace()?;
        pair(CLIENT, SERVER, &client, &server)?;
        let ifindex = if_nametoindex(CLIENT)?;
        Ok(Self { outside, client, server, ifindex })
    }

    /// Makes a second link beside the first; gives the index of the client's end.
    pub(crate) fn pair(&self, near: &str, far: &str) -> Result<u32> {
        pair(near, far, &self.client, &self.server)?;
        Ok(if_nametoindex(near)?)
    }

    /// Does something at the server's end.
    pub(crate) fn at_server<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        setns(&self.server, CloneFlags::CLONE_NEWNET)?;
        let result = work();
        setns(&self.client, CloneFlags::CLONE_NEWNET)?;
        result
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and nothing but the report follows.
        setns(&self.outside, CloneFlags::CLONE_NEWNET).ok();
    }
}

/// Gives the server's end an address, and a way to everybody.
fn connect(address: &str, neighbour: &str) -> Result<()> {
    let mac = text(CLIENT_MAC);
    ip(&["link", "set", "lo", "up"])?;
    ip(&["address", "add", address, "dev", SERVER, "nodad"])?;
    ip(&["neighbour", "add", neighbour, "lladdr", &mac, "dev", SERVER, "nud", "permanent"])?;
    ip(&["route", "add", "default", "via", neighbour])
}

/// Lets the server's end answer over IPv4.
pub(crate) fn connect4() -> Result<()> {
    connect(&format!("{}/24", SERVER4.ip()), "10.53.0.2")
}

/// Lets the server's end answer over IPv6.
pub(crate) fn connect6() -> Result<()> {
    let conf = format!("/proc/sys/net/ipv6/conf/{SERVER}");
    // Nothing but answers is to come from here: no solicitations, no addresses of the kernel's own.
    for (name, value) in
        [("addr_gen_mode", "1"), ("router_solicitations", "0"), ("disable_ipv6", "0")]
    {
        std::fs::write(format!("{conf}/{name}"), value)
            .with_context(|| format!("write {conf}/{name}"))?;
    }
    connect(&format!("{}/64", SERVER6.ip()), "fd53::2")
}

/// Counts what comes back of `frames` that are sent, until no more comes.
pub(crate) fn exchange(
    bench: &mut Subject,
    frames: u32,
    send: impl FnOnce(&mut Subject) -> Result<()>,
) -> Result<Run> {
    let [before, bad_before] = bench.replies()?;
    let started = Instant::now();
    send(bench)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut counted = bench.replies()?;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = bench.replies()?;
        if now == counted {
            break;
        }
        counted = now;
    }
    let [replies, bad] = counted;
    if bad != bad_before {
        bail!("{} frames came back that are no replies", bad - bad_before);
    }
    Ok(Run { sent: frames.into(), replies: replies - before, seconds })
}

/// What the runs need.
struct Rig {
    link: Link,
    /// The client's end: generator and sink; and the reflector.
    bench: Subject,
    /// The server's.
    edge: Subject,
    case: Case,
    /// Of a query's frame.
    octets: usize,
}

impl Rig {
    fn new(case: Case) -> Result<Self> {
        let zones = pool::zones();
        let (mut bench, edge) = (Subject::bench(&zones)?, Subject::shipped(&zones)?);
        let octets = bench.set_queries(&case)?;
        let link = Link::new()?;
        let ifindex = link.at_server(|| Ok(if_nametoindex(SERVER)?))?;
        let [a, b, c, d, e, f] = SERVER_MAC;
        let device = Device { address: [a, b, c, d, e, f, 0, 0], ifindex, reserved: 0 };
        if let Err(most) = edge.store().set_devices(&[device]) {
            anyhow::bail!("no more than {most} interfaces fit");
        }
        bench.program("sink")?.attach(CLIENT, XdpMode::Driver).context("attach the sink")?;
        Ok(Self { link, bench, edge, case, octets })
    }

    /// Sends `frames` to whatever is attached. Replies are counted until no more come.
    fn send(&mut self, frames: u32, least: usize) -> Result<Run> {
        let replies = Replies { least, ..Replies::default() };
        self.bench.set_state(self.case.sources, self.octets, replies)?;
        let (ifindex, octets) = (self.link.ifindex, self.octets);
        exchange(&mut self.bench, frames, |bench| bench.send("generator", ifindex, octets, frames))
    }

    /// Runs with `edge` or the reflector at the server's end.
    fn run(&mut self, edge: bool, frames: u32) -> Result<Run> {
        let (subject, name) =
            if edge { (&mut self.edge, "edge") } else { (&mut self.bench, "reflector") };
        let program = subject.program(name)?;
        let link = self.link.at_server(|| Ok(program.attach(SERVER, XdpMode::Driver)?))?;
        // At least one A record more than the query.
        let least = if edge { self.octets + 16 } else { self.octets };
        let run = self.send(frames, least);
        let subject = if edge { &mut self.edge } else { &mut self.bench };
        subject.program(name)?.detach(link)?;
        run
    }
}

/// Measures hot A queries in `pairs` pairs of runs of about `seconds` each.
pub(crate) fn measure(seconds: f64, pairs: u32) -> Result<Rates> {
    let [case, ..] = CASES;
    let mut rig = Rig::new(case)?;
    let mut first = rig.run(true, 100_000)?;
    first = Run { replies: first.replies.max(1), ..first };
    let frames = (first.sent as f64 / first.seconds * seconds).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few millions")]
    let frames = frames as u32;
    let mut rates = Rates { case, pairs: Vec::new() };
    for pair in 0..pairs {
        // Whoever is first may find the machine in another state.
        let edge_first = pair % 2 == 0;
        let one = rig.run(edge_first, frames)?;
        let other = rig.run(!edge_first, frames)?;
        rates.pairs.push(if edge_first { (one, other) } else { (other, one) });
    }
    Ok(rates)
}
