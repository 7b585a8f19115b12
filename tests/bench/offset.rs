//! The error of the time that a client gets, measured by a real chronyd.
//!
//! Over one veth pair and in turn, chronyd measures its offset to `edge` and to a chronyd on the
//! same host. All three read one clock, so the true offset is zero: the mean shows by what the
//! two directions differ, the deviation by what they vary. The client follows nobody and sets no
//! clock.

use std::fs;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use edge_tests::netns::{PATIENCE, Rig, SERVER, Source, TimeClient, TimeClientKind};
use edge_user::node::control::{Request, ask};
use serde_json::{Value, json};

use crate::figures::Spread;

/// The addresses at which chronyd answers, in its basic mode and in the interleaved one.
const CHRONY: [&str; 2] = ["10.53.0.53", "10.53.0.54"];
/// Samples of each server, for which a client waits.
const SAMPLES: usize = 1000;
/// Requests of each burst of the load, and the milliseconds between two bursts.
const BURST: usize = 10;
const PAUSE: Duration = Duration::from_millis(1);
/// An ordinary request.
const REQUEST: [u8; 48] = {
    let mut request = [0; 48];
    request[0] = 0x23;
    request
};

/// What a client measured at one server.
pub(crate) struct Offsets {
    /// Who answered.
    pub server: &'static str,
    /// Whether others asked as well.
    pub loaded: bool,
    /// Seconds that the server's clock seemed to be ahead.
    pub offsets: Vec<f64>,
    /// Round trips, in seconds.
    pub delays: Vec<f64>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl Offsets {
    /// Mean of the offsets, standard deviation, median, and how far half of all are from that at
    /// most; in nanoseconds.
    pub(crate) fn figures(&self) -> [f64; 4] {
        let mean = mean(&self.offsets);
        let squares = self.offsets.iter().map(|offset| (offset - mean).powi(2)).sum::<f64>();
        let deviation = (squares / self.offsets.len().max(1) as f64).sqrt();
        let median = Spread::of(self.offsets.iter().copied()).median;
        let distances = self.offsets.iter().map(|offset| (offset - median).abs());
        [mean, deviation, median, Spread::of(distances).median].map(|value| value * 1e9)
    }

    /// Median of the round trips, in nanoseconds.
    fn delay(&self) -> f64 {
        Spread::of(self.delays.iter().copied()).median * 1e9
    }

    /// Nanoseconds as reported.
    pub(crate) fn cells(&self) -> [String; 8] {
        let [mean, deviation, median, half] = self.figures();
        let number = |value: f64| format!("{value:.0}");
        [
            self.server.to_owned(),
            if self.loaded { "load" } else { "quiet" }.to_owned(),
            self.offsets.len().to_string(),
            number(mean),
            number(deviation),
            number(median),
            number(half),
            number(self.delay()),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let [mean, deviation, median, half] = self.figures();
        json!({
            "server": self.server,
            "loaded": self.loaded,
            "samples": self.offsets.len(),
            "mean_ns": mean,
            "standard_deviation_ns": deviation,
            "median_ns": median,
            "half_within_ns": half,
            "delay_median_ns": self.delay(),
        })
    }
}

/// What the columns of [`Offsets::cells`] are.
pub(crate) const COLUMNS: [&str; 8] = [
    "offset of a chrony client to",
    "others",
    "samples",
    "mean ns",
    "deviation ns",
    "median ns",
    "half within ns",
    "round trip ns",
];

/// A node and a chronyd on one host.
fn rig() -> Result<(Rig, Source)> {
    let mut rig = Rig::new("native");
    for address in CHRONY {
        rig.server.run(&format!("ip address add {address}/24 dev srv"));
    }
    let source = Source::start(&rig);
    let config = format!("{}\n[ntp]\nenabled = true\nlisten = [{:?}]\n", rig.config(), SERVER[0]);
    rig.write("edge.toml", config.as_bytes());
    let mut command = rig.command("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(std::env::current_exe()?);
    rig.start_by(command.arg("--serve").arg(rig.path("edge.toml")));
    rig.wait_until("time is served", PATIENCE, || {
        status(&rig).is_ok_and(|status| status["ntp"]["synchronised"] == true)
    });
    Ok((rig, source))
}

/// What the node says of itself.
fn status(rig: &Rig) -> Result<Value> {
    ask(&rig.path("edge.sock"), &Request::Status).map_err(anyhow::Error::msg)
}

/// Requests that XDP has answered.
fn answered(rig: &Rig) -> Result<u64> {
    Ok(status(rig)?["counters"]["answered"]["ntp"].as_u64().unwrap_or_default())
}

/// Asks two servers until it has to stop, and doesn't listen.
fn load(sockets: &[UdpSocket], done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for socket in sockets {
            for _ in 0..BURST {
                // What doesn't fit isn't sent.
                let _sent = socket.send(&REQUEST);
            }
        }
        thread::sleep(PAUSE);
    }
}

/// A row of chronyd's log of measurements: who, offset, round trip.
fn sample(line: &str) -> Option<(&str, f64, f64)> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let (address, offset, delay) = (columns.get(2)?, columns.get(11)?, columns.get(12)?);
    Some((address, offset.parse().ok()?, delay.parse().ok()?))
}

/// What one client measures, with load or without.
fn round(rig: &Rig, loaded: bool) -> Result<[Offsets; 3]> {
    let folder = rig.path(if loaded { "load" } else { "quiet" });
    fs::create_dir(&folder)?;
    let fast = "minpoll -6 maxpoll -6 noselect";
    let [basic, interleaved] = CHRONY;
    let lines = format!(
        "server {} {fast}\nserver {basic} {fast}\nserver {interleaved} {fast} xleave\n\
         logdir {}\nlog rawmeasurements\n",
        SERVER[0],
        folder.display()
    );
    let servers = [(SERVER[0], "edge"), (basic, "chronyd"), (interleaved, "chronyd, interleaved")];
    let before = answered(rig)?;
    let sockets = [SERVER[0], basic].map(|server| {
        rig.client.enter(|| {
            let socket = UdpSocket::bind(("10.53.0.2", 0)).context("bind")?;
            socket.connect((server, 123)).context("connect")?;
            anyhow::Ok(socket)
        })
    });
    let [one, other] = sockets;
    let (sockets, done) = ([one?, other?], AtomicBool::new(false));
    let text = thread::scope(|scope| {
        if loaded {
            scope.spawn(|| load(&sockets, &done));
        }
        let client = TimeClient::start_with(TimeClientKind::Chrony, rig, &[], &lines);
        let end = Instant::now() + 6 * PATIENCE;
        let text = loop {
            thread::sleep(Duration::from_millis(250));
            let text = fs::read_to_string(folder.join("measurements.log")).unwrap_or_default();
            let of = |server| text.lines().filter_map(sample).filter(|row| row.0 == server).count();
            if servers.iter().all(|(server, _)| of(*server) >= SAMPLES) {
                break Ok(text);
            }
            if Instant::now() >= end {
                break Err(client.log());
            }
        };
        done.store(true, Ordering::Relaxed);
        text
    });
    let text = match text {
        Ok(text) => text,
        Err(log) => bail!("too few measurements: {log:#?}"),
    };
    anyhow::ensure!(answered(rig)? - before >= SAMPLES as u64, "XDP answered few");
    Ok(servers.map(|(address, server)| {
        let rows = || text.lines().filter_map(sample).filter(|row| row.0 == address).take(SAMPLES);
        Offsets {
            server,
            loaded,
            offsets: rows().map(|row| row.1).collect(),
            delays: rows().map(|row| row.2).collect(),
        }
    }))
}

/// Measures without load and with it.
pub(crate) fn measure() -> Result<Vec<Offsets>> {
    let (rig, _source) = rig()?;
    let mut measured = Vec::from(round(&rig, false)?);
    measured.extend(round(&rig, true)?);
    Ok(measured)
}
