//! Bad input: one error with file and place, exit code 1, nothing touched.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use edge_tests::geoip::country_mmdb;
use edge_tests::netns::{COUNTRIES, Process, Rig, copy, program};

/// Zone files that are wrong: what about them, the file, what the error says after the path.
const ZONES: [(&str, &str, &str); 9] = [
    ("broken JSON", "{\"data\": {\n\"\": {\"ns\": [\"a.\"]},\n}}", ":3:1: data: broken JSON"),
    ("a wrong type", "{\n \"ttl\": []}", ":2:10: ttl: invalid type: sequence"),
    (
        "a bad address",
        "{\"data\": {\"\": {\"ns\": [\"a.\"],\n\"a\": [[\"10.0.0.300\"]]}}}",
        ":2:19: data.\"\".a[0]: \"10.0.0.300\" is not an IPv4 address",
    ),
    ("unknown targeting", "{\"targeting\": \"@ planet\"}", ":1:24: targeting: unknown word"),
    (
        "an alias loop",
        "{\"data\": {\"\": {\"ns\": [\"a.\"]}, \"b\": {\"alias\": \"c\"}, \"c\": {\"alias\": \"b\"}}}",
        ":1:43: data.\"b\".alias: alias loop b -> c -> b",
    ),
    ("an empty file", "", ": no apex: the file is empty"),
    ("only spaces", " \n\n", ": no apex: the file is empty"),
    ("an end too early", "{\"data\": {\"\": {\"a\": [[\"10.0", ":1:27: "),
    ("not UTF-8's JSON", "\u{1f}\u{8b}\u{8}", ":1:1: "),
];

/// `edge check`: exit code and what it printed on stderr, without warnings.
fn check(rig: &Rig) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(program());
    let output = command.args(["check", "--config"]).arg(rig.path("edge.toml")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let errors = said.lines().filter(|line| !line.starts_with("warning: "));
    (output.status.code(), errors.map(str::to_owned).collect())
}

/// Insists that `edge check` finds exactly one error, in `file` and with `reason`.
fn check_finds(rig: &Rig, what: &str, file: &str, reason: &str) {
    let (code, errors) = check(rig);
    assert_eq!((code, errors.len()), (Some(1), 1), "{what}: {errors:#?}");
    let wanted = format!("{}{reason}", rig.path(file).display());
    assert!(errors[0].starts_with(&wanted), "{what}: {}\nwanted: {wanted}", errors[0]);
}

/// Insists that a command ends with exit code 1 and one error, which it gives, and has touched
/// nothing.
fn fails(rig: &Rig, command: &mut Command) -> String {
    let (status, log) = Process::start(command).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    let errors: Vec<_> =
        log.iter().filter(|line| line.starts_with("edge: ") || line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log:#?}");
    assert!(!log.iter().any(|line| line == "ready"), "{log:#?}");
    assert_eq!(rig.attached(), None);
    assert_eq!(rig.left_pins(), [""; 0].map(PathBuf::from), "pins are left");
    assert!(!rig.path("edge.sock").exists(), "the socket is left");
    errors[0].clone()
}

#[test]
fn check_names_the_file_and_the_place_of_what_is_wrong_with_a_zone() {
    let rig = Rig::new("off");
    assert_eq!(check(&rig), (Some(0), Vec::new()));
    for (what, json, reason) in ZONES {
        rig.write_zone("bad.example", json);
        check_finds(&rig, what, "zones/bad.example.json", reason);
    }
    std::fs::write(rig.path("zones/bad.example.json"), [b'{', 0xff, 0xfe]).unwrap();
    check_finds(&rig, "octets that are no text", "zones/bad.example.json", ":1:2: ");
}

#[test]
fn a_zone_without_an_apex_is_served_with_a_warning() {
    let rig = Rig::new("off");
    rig.write_zone("bad.example", "{\"data\": {\"www\": {\"a\": [[\"10.0.0.1\"]]}}}");
    let mut command = Command::new(program());
    let output = command.args(["check", "--config"]).arg(rig.path("edge.toml")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let wanted = format!("{}: data: no apex label", rig.path("zones/bad.example.json").display());
    // What this host lacks is warned of, too.
    let of_file: Vec<_> = said.lines().filter(|line| line.contains("bad.example.json")).collect();
    assert_eq!(of_file.len(), 1, "{said}");
    assert!(of_file[0].starts_with(&format!("warning: {wanted}")), "{said}");
}

#[test]
fn a_start_with_a_broken_zone_serves_the_others_and_says_so() {
    let mut rig = Rig::new("native");
    rig.write_zone("bad.example", ZONES[0].1);
    rig.start();
    let wanted = format!("{}{}", rig.path("zones/bad.example.json").display(), ZONES[0].2);
    let line = rig.node().wait_for(&wanted);
    assert!(line.contains("ERROR"), "{line}");
    let status = rig.status();
    let errors: Vec<_> = status["errors"].as_array().unwrap().iter().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].as_str().unwrap().starts_with(&wanted), "{errors:?}");
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.ask("192.0.2.10", "bad.example A +nocookie").status, "REFUSED");
}

#[test]
fn a_hostile_database_is_an_error_or_harmless() {
    let rig = Rig::new("off");
    let good = country_mmdb(&COUNTRIES);
    let path = "geoip/GeoLite2-Country.mmdb";
    for octets in [0, 1, 100, good.len() / 2, good.len() - 1] {
        rig.write(path, &good[..octets]);
        if octets < good.len() / 2 + 1 {
            check_finds(&rig, "a truncated database", path, ": ");
        }
    }
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..300 {
        let mut octets = good.clone();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..octets.len());
            octets[at] = random.u8(..);
        }
        rig.write(path, &octets);
        let (code, errors) = check(&rig);
        assert!(matches!(code, Some(0 | 1)), "variant {n}: {code:?} {errors:#?}");
        assert!(errors.len() < 2, "variant {n}: {errors:#?}");
        for error in &errors {
            let wanted = format!("{}: ", rig.path(path).display());
            assert!(error.starts_with(&wanted), "variant {n}: {error}");
        }
    }
    // A tree whose every record points back to its root.
    let mut octets = good;
    let half = octets.len() / 2;
    octets[..half].fill(0);
    rig.write(path, &octets);
    let (code, errors) = check(&rig);
    assert!(code.is_some() && errors.len() < 2, "{code:?} {errors:#?}");
}

#[test]
fn configurations_that_cannot_be_are_refused_by_check_and_run_alike() {
    let rig = Rig::new("native");
    let good = rig.config();
    for (what, config, reason) in [
        ("no TOML", "[dns\n".to_owned(), ":1:5: "),
        ("an unknown key", format!("{good}sockett = 1\n"), ":12:1: unknown field `sockett`"),
        ("an unknown table", format!("{good}[dsn]\n"), ":12:2: unknown field `dsn`"),
        ("a wrong type", "[dns]\nlisten = 53\n".to_owned(), ":2:10: invalid type: integer `53`"),
        ("a bad address", good.replace("10.53.0.1", "10.53.0"), ":2:10: \"10.53.0\" is not an"),
        ("an unknown mode", good.replace("native", "fast"), ":7:8: unknown variant `fast`"),
        ("no interface", good.replace("\"srv\"", ""), ":5:1: xdp.interfaces is empty"),
        ("no address", "[xdp]\nmode = \"off\"\n".to_owned(), ":1:1: missing field `dns`"),
        ("an empty file", String::new(), ":1:1: missing field `dns`"),
        (
            "a daemon elsewhere",
            format!("{good}[ntp]\nsource = \"192.0.2.1\"\n"),
            ":13:10: 192.0.2.1:123 is not a loopback address",
        ),
    ] {
        rig.write("edge.toml", config.as_bytes());
        check_finds(&rig, what, "edge.toml", reason);
        let error = fails(&rig, &mut rig.run_command());
        let wanted = format!("edge: {}{reason}", rig.path("edge.toml").display());
        assert!(error.starts_with(&wanted), "{what}: {error}");
    }
    std::fs::remove_file(rig.path("edge.toml")).unwrap();
    check_finds(&rig, "no file", "edge.toml", ": No such file");
    let error = fails(&rig, &mut rig.run_command());
    assert!(error.contains("edge.toml: No such file"), "{error}");
}

#[test]
fn a_zones_directory_that_is_not_there_is_named() {
    let rig = Rig::new("native");
    std::fs::remove_file(rig.path("zones/pool.example.json")).unwrap();
    std::fs::remove_dir(rig.path("zones")).unwrap();
    check_finds(&rig, "no zones", "zones", ": No such file");
    let error = fails(&rig, &mut rig.run_command());
    assert!(error.contains("/zones: No such file") && error.contains("zones.directory"), "{error}");
}

#[test]
fn without_databases_everyone_is_nowhere() {
    let mut rig = Rig::new("native");
    std::fs::remove_file(rig.path("geoip/GeoLite2-Country.mmdb")).unwrap();
    std::fs::remove_dir(rig.path("geoip")).unwrap();
    rig.start();
    let log = rig.node().log();
    assert!(log.iter().any(|line| line.contains("no GeoIP databases")), "{log:#?}");
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
}

#[test]
fn an_address_that_is_not_there_is_named() {
    let rig = Rig::new("native");
    let config = rig.config().replace("10.53.0.1", "10.99.0.1");
    rig.write("edge.toml", config.replace("[dns]", "[dns]\nfreebind = false").as_bytes());
    let error = fails(&rig, &mut rig.run_command());
    assert!(error.contains("10.99.0.1:53"), "{error}");
}

#[test]
fn without_privileges_the_error_says_which() {
    let rig = Rig::new("native");
    // Where the build is may be out of nobody's reach.
    copy(&program(), &rig.path("edge"));
    std::fs::set_permissions(rig.path(""), PermissionsExt::from_mode(0o777)).unwrap();
    let mut run = rig.command("setpriv");
    run.args(["--reuid", "65534", "--clear-groups", "--no-new-privs"]);
    run.arg(rig.path("edge")).arg("run").arg("--config").arg(rig.path("edge.toml"));
    let error = fails(&rig, &mut run);
    assert!(error.contains("not permitted; run as root, or with CAP_BPF"), "{error}");
}

#[test]
fn a_second_node_on_the_same_socket_leaves_the_first_alone() {
    let rig = Rig::serving("native");
    let (status, log) = Process::start(&mut rig.run_command()).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("another edge answers there")), "{log:#?}");
    assert_eq!(rig.status()["zones"][0]["name"], "pool.example");
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
}

#[test]
fn status_without_a_node_says_what_to_do() {
    let rig = Rig::new("off");
    let mut status = Command::new(program());
    let output = status.arg("status").arg("--socket").arg(rig.path("edge.sock")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is `edge run` running?"), "{said}");
}
