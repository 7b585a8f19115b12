//! Tests of the command line.

use clap::{CommandFactory as _, Parser as _};

use super::{Arguments, Command};

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
        "switch drain on",
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
    let Command::Run { config } = Arguments::parse_from(["edge", "run"]).command else {
        unreachable!("it is `run`")
    };
    assert_eq!(config.path.to_str(), Some("/etc/edge/edge.toml"));
}
