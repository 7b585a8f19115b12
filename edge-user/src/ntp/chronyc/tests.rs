//! Tests of `chronyc`, with scripts in its place.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Chronyc, Fault};
use crate::ntp::tracking::Tracking;
use crate::ntp::tracking::tests::LINE;
use crate::ntp::{Clock, View};
use crate::settings::{self as config, Ntp};

struct Stage {
    folder: TempDir,
    chronyc: Chronyc,
}

impl Stage {
    /// A program of these lines, and something where chrony's socket would be.
    fn new(lines: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let (program, socket) = (folder.path().join("chronyc"), folder.path().join("socket"));
        std::fs::write(&socket, "").unwrap();
        // Written by somebody else: what this process has open for writing, its children may, and
        // then it can't be run.
        let write = "printf '#!/bin/sh\n%s\n' \"$1\" >\"$2\"; chmod 755 \"$2\"";
        let written = Command::new("sh").args(["-c", write, "sh", lines]).arg(&program).status();
        assert!(written.unwrap().success());
        let chronyc = config::Chronyc::At(program);
        let config = Ntp { chronyc, chrony_socket: socket, ..Ntp::default() };
        Self { folder, chronyc: Chronyc::new(&config).unwrap() }
    }

    async fn ask(&self) -> Result<Tracking, Fault> {
        self.chronyc.ask().await.unwrap()
    }
}

/// Whether a process is there, a dead one that nobody has waited for among them.
fn is_there(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn it_is_run_as_documented_and_its_report_read() {
    let stage =
        Stage::new(&format!("echo \"$@\" >${{0%/*}}/arguments; printf '{}\\n'", LINE.trim_end()));
    assert_eq!(stage.ask().await.ok(), Tracking::read(LINE));
    let arguments = std::fs::read_to_string(stage.folder.path().join("arguments")).unwrap();
    let socket = stage.folder.path().join("socket");
    assert_eq!(arguments, format!("-h {},127.0.0.1 -c -n tracking\n", socket.display()));
}

#[tokio::test]
async fn what_else_it_does_is_a_fault_with_its_cause() {
    let failed = Stage::new("echo 506 Cannot talk to daemon; exit 1").ask().await.unwrap_err();
    assert_eq!(failed, Fault::Failed("exit status: 1".into()));
    assert_eq!(Stage::new("echo what").ask().await, Err(Fault::Foreign));
    assert_eq!(Stage::new("printf '\\377\\376'").ask().await, Err(Fault::Foreign));
    assert_eq!(Stage::new("").ask().await, Err(Fault::Foreign));
}

#[tokio::test]
async fn one_that_prints_without_end_is_read_so_far_and_ended() {
    let stage = Stage::new("echo $$ >${0%/*}/pid; exec yes");
    assert_eq!(stage.ask().await, Err(Fault::Long));
    let pid = std::fs::read_to_string(stage.folder.path().join("pid")).unwrap();
    assert!(!is_there(pid.trim_end()));
}

#[tokio::test]
async fn one_that_hangs_is_given_up_and_ended() {
    for lines in ["exec sleep 1000", "exec >&-; exec sleep 1000"] {
        let mut stage = Stage::new(&format!("echo $$ >${{0%/*}}/pid; {lines}"));
        stage.chronyc.patience = Duration::from_millis(500);
        assert_eq!(stage.ask().await, Err(Fault::Slow));
        let pid = std::fs::read_to_string(stage.folder.path().join("pid")).unwrap();
        assert!(!is_there(pid.trim_end()));
    }
}

#[tokio::test]
async fn without_chrony_nothing_is_run_and_a_program_that_was_named_is_missed() {
    let mut stage = Stage::new("echo >${0%/*}/ran");
    std::fs::remove_file(stage.folder.path().join("socket")).unwrap();
    assert_eq!(stage.chronyc.ask().await, None);
    assert!(!stage.folder.path().join("ran").exists());
    std::fs::write(stage.folder.path().join("socket"), "").unwrap();
    stage.chronyc.program = stage.folder.path().join("none").into();
    assert!(matches!(stage.ask().await, Err(Fault::Run(_))));
    stage.chronyc.optional = true;
    assert_eq!(stage.chronyc.ask().await, None);
    assert!(Chronyc::new(&Ntp { chronyc: config::Chronyc::Off, ..Ntp::default() }).is_none());
}

#[tokio::test]
async fn its_report_can_be_seen_and_goes_away_with_chrony() {
    let stage = Stage::new(&format!("printf '{}\\n'", LINE.trim_end()));
    let view: View = Clock::new(&Ntp::default()).view();
    view.track(stage.chronyc.ask().await);
    let report = view.report();
    assert!(report.fields.iter().any(|field| field.name == "chrony's skew"), "{report:?}");
    std::fs::remove_file(stage.folder.path().join("socket")).unwrap();
    view.track(stage.chronyc.ask().await);
    assert!(view.report().fields.is_empty());
}
