//! The demonstration: a table of real queries, and who answered them.
//!
//! The exit code is 0 only if XDP answered all that it should, the authority the rest, and every
//! answer was the client's country's. Needs root; nothing is left behind.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use edge_leaves::text_table::{Align, indented};
use edge_tests::netns::{CLIENTS, Rig, SERVER};
use tokio::signal::unix::{SignalKind, signal};

/// A question and what is wanted of its answer.
struct Case {
    client: &'static str,
    /// dig's arguments.
    question: &'static str,
    by: &'static str,
    /// What every address in the answer begins with, or all of the answer.
    wanted: &'static str,
}

const fn xdp(client: &'static str, question: &'static str, wanted: &'static str) -> Case {
    Case { client, question, by: "xdp", wanted }
}

const fn authority(client: &'static str, question: &'static str, wanted: &'static str) -> Case {
    Case { client, question, by: "authority", wanted }
}

const CASES: [Case; 19] = [
    xdp("192.0.2.10", "pool.example A +noedns", "10.49."),
    xdp("198.51.100.10", "pool.example A +nocookie", "10.1."),
    xdp("203.0.113.10", "PooL.eXaMPLe A +nocookie", "10.81."),
    xdp("2001:db8:6b::10", "pool.example A +nocookie", "10.44."),
    xdp("2001:db8:b0::10", "pool.example A +noedns", "10.55."),
    xdp("fd53::2", "pool.example A +nocookie", "10."),
    xdp("2001:db8:de::10", "2.pool.example AAAA +noedns", "fd00:49:"),
    xdp("2001:db8:b0::10", "2.pool.example AAAA +nocookie", "fd00:55:"),
    xdp("203.0.113.10", "2.pool.example AAAA +nocookie", "fd00:81:"),
    xdp("198.51.100.10", "0.debian.pool.example A +nocookie", "10.1."),
    xdp("192.0.2.10", "2.debian.pool.example AAAA +nocookie", "fd00:49:"),
    xdp("2001:db8:6b::10", "pool.example AAAA +nocookie", "no such records"),
    xdp("10.53.0.2", "jp.pool.example A +noedns", "10.81."),
    xdp("192.0.2.10", "pool.example A", "10.49."),
    xdp("203.0.113.10", "pool.example TXT +nocookie", "\"a pool"),
    xdp("2001:db8:de::10", "www.pool.example A +nocookie", "www.example."),
    xdp("2001:db8:b0::10", "nobody.pool.example A +nocookie", "NXDOMAIN"),
    authority("198.51.100.10", "pool.example A +tcp +nocookie", "10.1."),
    authority("2001:db8:de::10", "example.org A +nocookie", "REFUSED"),
];

static STOPPED: AtomicBool = AtomicBool::new(false);

/// A signal ends the demonstration at the next step, so that it can tidy up.
fn listen_for_the_end() {
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if runtime.is_ok_and(|runtime| runtime.block_on(told_to_end()).is_ok()) {
            STOPPED.store(true, Ordering::Relaxed);
        }
    });
}

async fn told_to_end() -> io::Result<()> {
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

fn is_stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// A line; a reader that went away is no reason to stop before all is tidied up.
fn say(line: impl Display) {
    writeln!(io::stdout(), "{line}").ok();
}

fn country(client: &str) -> &'static str {
    match CLIENTS.iter().find(|(address, _)| *address == client) {
        Some((_, "")) | None => "–",
        Some((_, country)) => country,
    }
}

fn main() -> ExitCode {
    listen_for_the_end();
    let started = Instant::now();
    let Some(wrong) = demonstrate() else {
        say("interrupted; everything is removed");
        return ExitCode::FAILURE;
    };
    for line in &wrong {
        say(format_args!("WRONG: {line}"));
    }
    let seconds = started.elapsed().as_secs_f64();
    if wrong.is_empty() {
        say(format_args!("all as it should be; everything is removed ({seconds:.1} s)"));
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All of it; gives what went wrong, or nothing if it was interrupted.
fn demonstrate() -> Option<Vec<String>> {
    say("network: two namespaces, a veth pair between them; server's end srv, client's end cli");
    let mut rig = Rig::new("native");
    say("start:   edge run --config edge.toml   (on srv, XDP in native mode)");
    rig.start();
    say(format_args!("ready:   it serves pool.example on {} and {}\n", SERVER[0], SERVER[1]));
    say(
        "Servers: 10.49… and fd00:49… are Germany's, 1 the USA's, 81 Japan's, 44 Britain's, 55 Brazil's.",
    );
    say("Clients: dig asks from addresses that the GeoIP database places in these countries.\n");

    let mut wrong = Vec::new();
    let mut rows = vec![
        ["CLIENT", "COUNTRY", "OVER", "DIG", "ANSWER", "ANSWERED BY"].map(str::to_owned).to_vec(),
    ];
    for case in &CASES {
        if is_stopped() {
            return None;
        }
        rows.push(row(&rig, case, &mut wrong));
    }
    if is_stopped() {
        return None;
    }
    say(indented(&rows, Align::Numbers, 2));

    say("$ edge status");
    say(rig.status_text());
    say("$ edge explain pool.example A --client 192.0.2.10");
    if let Ok(client) = "192.0.2.10".parse() {
        say(rig.explain("pool.example", "A", client));
    }
    let n = CASES.iter().filter(|case| case.by == "xdp").count();
    let (counters, rest) = (rig.counters(), CASES.len() - n);
    say(format_args!(
        "XDP answered {} of the {n} queries that were for it, the authority {} of the other {rest}",
        counters.xdp(),
        counters.authority()
    ));
    let (code, log) = rig.stop();
    if code != Some(0) {
        wrong.push(format!("edge ended with exit code {code:?}: {log:#?}"));
    }
    if let Some(program) = rig.attached() {
        wrong.push(format!("edge left its program on the interface: {program}"));
    }
    Some(wrong)
}

/// Asks, and gives the table's row.
fn row(rig: &Rig, case: &Case, wrong: &mut Vec<String>) -> Vec<String> {
    let before = rig.counters();
    let reply = rig.try_ask(case.client, case.question).unwrap_or_default();
    let after = rig.counters();
    let by = match (after.xdp() - before.xdp(), after.authority() - before.authority()) {
        (1, 0) => "xdp",
        (0, 1) => "authority",
        _ => "?",
    };
    let data = reply.data();
    let answer = match (reply.status.as_str(), data.as_slice()) {
        ("NOERROR", []) => "no such records".to_owned(),
        ("NOERROR", data) => data.join(" "),
        ("", _) => "no reply".to_owned(),
        (status, _) => status.to_owned(),
    };
    let answer_fits = match data.as_slice() {
        [] => answer == case.wanted,
        data => data.iter().all(|text| text.starts_with(case.wanted)),
    };
    let Case { client, question, .. } = case;
    if by != case.by || !answer_fits {
        let (wanted, from) = (case.wanted, case.by);
        wrong.push(format!("{question} from {client}: wanted {wanted} from {from}: {reply:?}"));
    }
    let transport = if question.contains("+tcp") { "TCP" } else { "UDP" };
    let version = if client.contains(':') { 6 } else { 4 };
    let over = format!("{transport}/IPv{version}");
    [client, country(client), &over, question, &answer, by].map(str::to_owned).to_vec()
}
