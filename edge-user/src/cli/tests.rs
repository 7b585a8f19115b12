//! Tests of the command line.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use super::{Arguments, Command, Outcome, perform};

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn commands_need_no_configuration_and_no_socket_to_be_named() {
    for words in [
        "run",
        "check",
        "status",
        "reload",
        "explain a A --client 192.0.2.1",
        "explain-time",
        "points",
        "preview a.json",
        "switch",
        "switch bypass on",
        "stop",
        "feed retry",
        "feed allow-once",
        "feed publish",
        "fleet status",
        "fleet points",
        "fleet forget a",
    ] {
        for more in ["", " -c FILE", " --config FILE"] {
            let line = format!("edge {words}{more}");
            let parsed = Arguments::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }
    let Command::Run { config, .. } = Arguments::parse_from(["edge", "run"]).command else {
        unreachable!("it is `run`")
    };
    assert_eq!(config.path.to_str(), Some("/etc/edge/edge.toml"));
}

#[test]
fn an_alarm_a_failure_and_wrong_usage_have_different_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, servers: u32| {
        let path = folder.path().join(name).display().to_string();
        let server = |id| {
            serde_json::json!({
                "id": id, "ip": format!("192.0.2.{id}"), "netspeed": 1000, "score": 20.0,
                "zones": ["@"],
            })
        };
        let servers: Vec<_> = (1..=servers).map(server).collect();
        let roots = serde_json::json!([{"origin": "pool.example", "ns": ["ns1.example.net."]}]);
        let snapshot = serde_json::json!({"serial": 1, "roots": roots, "servers": servers});
        std::fs::write(&path, snapshot.to_string()).unwrap();
        path
    };
    let (all, few) = (write("all", 9), write("few", 1));
    let ends = |words: &[&str]| {
        let words = ["edge", "feed", "diff"].iter().chain(words);
        match Arguments::try_parse_from(words).map(|it| perform(it.command)) {
            Ok(outcome) => ExitCode::from(outcome.unwrap_or(Outcome::Failed)),
            Err(usage) => ExitCode::from(u8::try_from(usage.exit_code()).unwrap()),
        }
    };
    let codes = [ends(&[&all, &all]), ends(&[&all, "/none"]), ends(&[&all]), ends(&[&all, &few])];
    assert_eq!(format!("{codes:?}"), format!("{:?}", [0, 1, 2, 3].map(ExitCode::from)));
}

#[test]
fn the_help_and_the_documents_have_every_exit_code() {
    let help = Arguments::command().render_help().to_string();
    let page = include_str!("../../../docs/operating.md");
    for (code, word) in [(0, "done"), (1, "failed"), (2, "wrong usage"), (3, "alarm")] {
        assert!(help.contains(&format!("  {code}  {word}")), "{help}");
        assert!(page.contains(&format!("| {code} | {word}")), "{code}");
    }
}
