//! The unit for systemd, its rights, and the alerts for Prometheus.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use edge_tests::netns::{Bpffs, PATIENCE, Process, Rig, copy, find, program};

/// The capabilities that suffice, as setpriv calls them.
const RIGHTS: [&str; 4] = ["bpf", "net_admin", "perfmon", "net_bind_service"];
/// A user who isn't root, and owns nothing.
const NOBODY: &str = "65534";
/// The greatest exposure that `systemd-analyze security` may find in the unit.
const EXPOSURE: f64 = 3.0;

/// A file in `deploy`.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(shipped(name)).unwrap()
}

/// The values of a key in the unit.
fn values(unit: &str, key: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

/// A rig that another user can read, and may have its socket in.
fn open(bpffs: Bpffs) -> Rig {
    let rig = Rig::with_bpffs("native", bpffs);
    // Where the build is may be out of nobody's reach.
    copy(&program(), &rig.path("edge"));
    fs::set_permissions(rig.path(""), PermissionsExt::from_mode(0o777)).unwrap();
    rig
}

/// Does in the rig what the unit has root do before the start, for the rig's user and instance.
fn prepare(rig: &Rig) {
    let commands = values(&read("edge.service"), "ExecStartPre");
    let commands: Vec<_> = commands.iter().filter_map(|it| it.strip_prefix('+')).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    // systemd mounts it for root alone.
    let closed = rig.command("chmod").args(["0700", "/sys/fs/bpf"]).status().unwrap();
    assert!(closed.success());
    for words in commands {
        let words = words
            .replace("/sys/fs/bpf/edge", &format!("/sys/fs/bpf/{}", rig.instance()))
            .replace("-o edge -g edge", &format!("-o {NOBODY} -g {NOBODY}"));
        let mut words = words.split(' ');
        let mut command = rig.command(words.next().unwrap());
        let status = command.args(words).status().unwrap();
        assert!(status.success(), "{command:?}: {status}");
    }
}

/// `edge run` by [`NOBODY`] with these capabilities and no others.
fn run_with(rig: &Rig, rights: &[&str]) -> Command {
    let set = rights.iter().fold("-all".to_owned(), |set, right| format!("{set},+{right}"));
    let mut run = rig.command("setpriv");
    run.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"]);
    for sets in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
        run.arg(format!("{sets}={set}"));
    }
    run.args(["--pdeathsig", "TERM"]).arg(rig.path("edge"));
    run.arg("run").arg("--config").arg(rig.path("edge.toml"));
    run
}

/// The error with which a start ends.
fn error_of(command: &mut Command) -> String {
    let (status, log) = Process::start(command).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(!log.iter().any(|line| line == "ready"), "{log:#?}");
    log.iter().find(|line| line.starts_with("edge: ")).expect("an error").clone()
}

#[test]
fn the_four_rights_of_the_unit_suffice_a_user_who_is_not_root() {
    let mut rig = open(Bpffs::System);
    prepare(&rig);
    rig.start_by(&mut run_with(&rig, &RIGHTS));
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.ask("2001:db8:b0::10", "pool.example A +nocookie").data(), ["10.55.0.1"]);
    assert_eq!(rig.counters().xdp() - before.xdp(), 2);
    let pins = rig.status()["pins"].as_str().unwrap().to_owned();
    assert!(pins.starts_with(&format!("/sys/fs/bpf/{}/", rig.instance())), "{pins}");
    assert!(rig.pins().join("zones/pool_2eexample").exists());
    // A new zone needs new tables, pins and a barrier.
    rig.write_zone("other.example", r#"{"data": {"": {"ns": ["a."], "a": [["10.0.0.1"]]}}}"#);
    let is_pinned = || rig.pins().join("zones/other_2eexample").exists();
    rig.wait_until("the second zone is pinned", PATIENCE, is_pinned);
    let zones = rig.status()["zones"].clone();
    assert!(zones.as_array().unwrap().iter().all(|zone| zone["in_xdp"] == true), "{zones}");
    // A killed node leaves its links, which the next one takes over by their pins.
    rig.kill();
    rig.start_by(&mut run_with(&rig, &RIGHTS));
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    let (code, log) = rig.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
    assert_eq!(rig.attached(), None);
}

#[test]
fn without_one_of_the_four_rights_the_error_names_it() {
    let rig = open(Bpffs::System);
    prepare(&rig);
    for missing in RIGHTS {
        let rest: Vec<_> = RIGHTS.into_iter().filter(|right| *right != missing).collect();
        let error = error_of(&mut run_with(&rig, &rest));
        let name = format!("CAP_{}", missing.to_uppercase());
        let wanted = match missing {
            "net_bind_service" => format!("give the program {name}"),
            _ => format!("CAP_NET_ADMIN and CAP_PERFMON (missing: {name})"),
        };
        assert!(error.contains(&wanted), "without {name}: {error}");
    }
}

#[test]
fn where_a_user_has_no_folder_for_pins_the_error_has_the_commands() {
    let closed = open(Bpffs::System);
    let status = closed.command("chmod").args(["0700", "/sys/fs/bpf"]).status().unwrap();
    assert!(status.success());
    let error = error_of(&mut run_with(&closed, &RIGHTS));
    let folder = format!("/sys/fs/bpf/{}", closed.instance());
    assert!(error.starts_with(&format!("edge: {folder}: ")), "{error}");
    let commands = format!("`chmod go+x /sys/fs/bpf` and `install -d -o USER {folder}`");
    assert!(error.contains(&commands), "{error}");
    let missing = open(Bpffs::Missing);
    let error = error_of(&mut run_with(&missing, &RIGHTS));
    assert!(error.contains("`mount -t bpf bpf /sys/fs/bpf`"), "{error}");
}

#[test]
fn the_unit_has_the_rights_that_suffice_and_no_others() {
    let unit = read("edge.service");
    let rights = RIGHTS.map(|right| format!("CAP_{}", right.to_uppercase())).join(" ");
    for key in ["AmbientCapabilities", "CapabilityBoundingSet"] {
        assert_eq!(values(&unit, key), [rights.as_str()], "{key}");
    }
    assert_eq!(values(&unit, "User"), ["edge"]);
    assert_eq!(values(&unit, "NoNewPrivileges"), ["yes"]);
}

#[test]
fn the_unit_is_exposed_little() {
    let mut command = Command::new(find("systemd-analyze"));
    command.args(["security", "--no-pager", "--offline=true"]).arg(shipped("edge.service"));
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = printed.lines().find(|line| line.contains("Overall exposure level"));
    let line = line.unwrap_or_else(|| panic!("{command:?}: {output:?}"));
    // Past the harness, which shows what a test prints only when it fails.
    writeln!(std::io::stdout(), "{line}").unwrap();
    let level = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next());
    let level: f64 = level.unwrap().parse().unwrap();
    assert!(level <= EXPOSURE, "{printed}");
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    // It looks for the programs, too.
    let program = program();
    let unit = read("edge.service").replace("/usr/local/bin/edge", program.to_str().unwrap());
    let path = folder.path().join("edge.service");
    fs::write(&path, unit).unwrap();
    let mut command = Command::new(find("systemd-analyze"));
    let output = command.args(["verify", "--man=no"]).arg(&path).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let own: Vec<_> = printed.lines().filter(|line| line.contains("edge.service")).collect();
    assert!(output.status.success() && own.is_empty(), "{printed}");
}

#[test]
fn the_service_manager_is_notified_that_the_node_is_ready_alive_and_stopping() {
    let mut rig = Rig::new("native");
    let path = rig.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut octets = [0; 256];
        let n = socket.recv(&mut octets).expect("a message");
        String::from_utf8(octets[..n].to_vec()).unwrap()
    };
    rig.start_by(rig.run_command().env("NOTIFY_SOCKET", &path));
    // The first renewal of the loop comes at once, the next after five seconds.
    let stored = ["FDSTOREREMOVE=1\nFDNAME=edge\n", "FDSTORE=1\nFDNAME=edge\n"];
    assert_eq!([next(), next()], stored, "the sockets, before it is ready");
    assert_eq!([next(), next(), next()], ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"]);
    let (code, log) = rig.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    let last = std::iter::repeat_with(next).find(|message| message != "WATCHDOG=1\n");
    assert_eq!(last.as_deref(), Some("STOPPING=1\n"));
}

#[test]
fn a_start_is_logged_with_version_layout_file_addresses_and_interfaces() {
    let rig = Rig::serving("native");
    let line = rig.node().wait_for("DNS on ");
    let version = Command::new(program()).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let layout = format!(", layout {})", edge_common::abi::VERSION);
    assert!(version.starts_with("edge ") && version.trim_end().ends_with(&layout), "{version}");
    let file = rig.path("edge.toml");
    let wanted = format!(
        " INFO {}, {}: DNS on 10.53.0.1:53, [fd53::1]:53; XDP on srv, mode native",
        version.trim_end(),
        file.display()
    );
    assert!(line.ends_with(&wanted), "{line}\nwanted: {wanted}");
}

#[test]
fn a_wrong_rust_log_keeps_a_node_from_starting() {
    let rig = Rig::new("off");
    let error = error_of(rig.run_command().env("RUST_LOG", "nonsense"));
    assert!(error.starts_with("edge: RUST_LOG=nonsense: "), "{error}");
    assert!(!rig.path("edge.sock").exists(), "the socket is left");
}

#[test]
fn check_for_a_start_fails_for_what_stops_a_node_and_not_for_a_broken_zone() {
    let rig = Rig::new("off");
    let check = |more: &[&str]| {
        let mut command = Command::new(program());
        command.arg("check").args(more).arg("--config").arg(rig.path("edge.toml"));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    rig.write_zone("bad.example", "{");
    assert_eq!(check(&["--start"]), (Some(0), String::new()));
    assert_eq!(check(&[]).0, Some(1));
    let config = rig.config();
    rig.write("edge.toml", config.replace("listen", "lisen").as_bytes());
    let (code, errors) = check(&["--start"]);
    assert!(code == Some(1) && errors.contains(":2:1: unknown field `lisen`"), "{errors}");
    rig.write("edge.toml", format!("{config}[zones]\ndirectory = \"none\"\n").as_bytes());
    let (code, errors) = check(&["--start"]);
    assert!(code == Some(1) && errors.contains("/none: No such file"), "{errors}");
}

#[test]
fn each_alert_fires_and_clears_as_promtool_runs_the_rules() {
    let promtool = find("promtool");
    for words in [["check", "edge.rules.yml"], ["test", "edge.rules.test.yml"]] {
        let mut command = Command::new(&promtool);
        command.args([words[0], "rules"]).arg(shipped(words[1]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:#?}");
    }
    let (rules, tests) = (read("edge.rules.yml"), read("edge.rules.test.yml"));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<_> = alerts.collect();
    assert!(alerts.len() > 12, "{alerts:?}");
    for alert in alerts {
        // Silent before, fires, silent after.
        let silent = format!("alertname: {alert}, exp_alerts: [] }}");
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:");
        let found = [&silent, &fires].map(|text| tests.matches(text.as_str()).count());
        assert_eq!(found, [2, 1], "{alert}");
    }
}
