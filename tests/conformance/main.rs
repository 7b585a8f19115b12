//! The conformance tier: what geodns does and RFCs demand, a test for each.
//!
//! `EDGE_STAGE` chooses the server. `loopback`, which is the default and needs no root, is the
//! authority in this process. `veth` is the program `edge`, asked over a veth pair, through XDP and
//! with `xdp.mode = "off"`.
//!
//! Each file has its behaviours, written from the specification: functions that know an [`Asker`]
//! and nothing else.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use edge_tests::stage::{Asker, Loopback, Namespaces, Stage, Transport};
use libtest_mimic::{Arguments, Failed, Trial};

/// A behaviour: its name and what checks it.
type Behaviour = (&'static str, fn(&Asker));

/// The behaviours of a file, by the transports that they are about.
struct Behaviours {
    both: &'static [Behaviour],
    udp: &'static [Behaviour],
    tcp: &'static [Behaviour],
}

/// Lists a file's functions; what isn't listed is dead code.
macro_rules! behaviours {
    ($($over:ident: [$($name:ident),* $(,)?]),* $(,)?) => {
        pub(crate) const ALL: crate::Behaviours = {
            let mut all = crate::NONE;
            $(all.$over = &[$((stringify!($name), $name)),*];)*
            all
        };
    };
}

const NONE: Behaviours = Behaviours { both: &[], udp: &[], tcp: &[] };

mod choice;
mod client;
mod edns;
mod header;
mod health;
mod names;
mod newer;
mod policy;
mod records;
mod reload;
mod size;
mod soa;
mod special;
mod stream;
mod subnet;
mod targets;

const FILES: [(&str, Behaviours); 16] = [
    ("choice", choice::ALL),
    ("client", client::ALL),
    ("edns", edns::ALL),
    ("header", header::ALL),
    ("health", health::ALL),
    ("names", names::ALL),
    ("newer", newer::ALL),
    ("policy", policy::ALL),
    ("records", records::ALL),
    ("reload", reload::ALL),
    ("size", size::ALL),
    ("soa", soa::ALL),
    ("special", special::ALL),
    ("stream", stream::ALL),
    ("subnet", subnet::ALL),
    ("targets", targets::ALL),
];

/// The tests of a stage, over some transports.
fn trials<S: Stage + 'static>(place: &str, stage: &Arc<S>, transports: &[Transport]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (file, behaviours) in FILES {
        for &transport in transports {
            let (name, listed) = match transport {
                Transport::Udp => ("udp", [behaviours.both, behaviours.udp]),
                Transport::Tcp => ("tcp", [behaviours.both, behaviours.tcp]),
            };
            for (behaviour, check) in listed.concat() {
                let stage: Arc<S> = Arc::clone(stage);
                let asker = Asker::new(stage, transport);
                let name = format!("{place}::{name}::{file}::{behaviour}");
                trials.push(Trial::test(name, move || run(check, &asker)));
            }
        }
    }
    trials
}

thread_local! {
    /// What this thread's test failed for; `None` on threads that run no test.
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A failed assertion is a failed test, and no more.
fn run(check: fn(&Asker), asker: &Asker) -> Result<(), Failed> {
    FAILURE.set(Some(String::new()));
    let passed = std::panic::catch_unwind(AssertUnwindSafe(|| check(asker)));
    if passed.is_err() {
        return Err(FAILURE.take().unwrap_or_default().into());
    }
    Ok(())
}

/// Reports failures of tests once, at the end; those of the server's threads at once.
fn keep_failures() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        FAILURE.with_borrow_mut(|kept| match kept {
            Some(text) => text.push_str(&info.to_string()),
            None => report(info),
        });
    }));
}

fn main() -> ExitCode {
    keep_failures();
    let arguments = Arguments::from_args();
    match std::env::var("EDGE_STAGE").as_deref() {
        Err(_) | Ok("loopback") => {
            let stage = Arc::new(Loopback::start());
            let trials = trials("loopback", &stage, &[Transport::Udp, Transport::Tcp]);
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Ok("veth") => over_veth(&arguments),
        Ok(other) => panic!("EDGE_STAGE={other}: must be loopback or veth"),
    }
}

/// The stages in their namespaces; they are removed when all is done, whatever failed.
fn over_veth(arguments: &Arguments) -> ExitCode {
    let stages = [("xdp", "native"), ("off", "off")]
        .map(|(place, mode)| (place, Arc::new(Namespaces::start(mode))));
    let mut all = Vec::new();
    for (place, stage) in &stages {
        all.extend(trials(place, stage, &[Transport::Udp, Transport::Tcp]));
    }
    let conclusion = libtest_mimic::run(arguments, all);
    for (place, stage) in &stages {
        let counters = stage.rig().counters();
        assert_eq!(counters.dropped(), 0, "{place}: the program had a fault");
        assert_eq!(counters.xdp() > 0, *place == "xdp", "{place}: who answered");
    }
    conclusion.exit_code()
}
