//! Tests of the import of whole files.

use std::fs::{Permissions, set_permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Address, Flags, Host, Import, OutputError, import, write};
use crate::settings::Config;

const CONF: &str = r#"
; the names of one of each
[DNS]
publicdebugqueries = Yes
detailedmetrics

[geoip]
directory = /var/lib/GeoIP   # found by geoipupdate

[querylog]
path = log/queries.log
maxsize = 50
keep = 3

[http]
user = stats
password = "so; secret"

[health]
directory = health

[nodeping]
token = abc

[pingdom]
username = me

[dns]
elsewhere = 1
"#;

fn host() -> Host {
    let at = |interface: &str, ip: &str| Address {
        interface: interface.to_owned(),
        ip: ip.parse::<IpAddr>().unwrap(),
    };
    Host {
        addresses: vec![
            at("lo", "127.0.0.1"),
            at("lo", "::1"),
            at("eth0", "192.0.2.1"),
            at("eth0", "2001:db8::1"),
        ],
        ways_out: ["eth0".to_owned()].into(),
        geoip: Some("/usr/share/GeoIP/".to_owned()),
    }
}

fn of(text: &str, flags: &str) -> Result<String, String> {
    let flags = Flags::parse(Flags::words(flags).unwrap()).unwrap();
    let (path, directory) = (Path::new("/etc/geodns/geodns.conf"), Path::new("/srv"));
    let host = host();
    let from = Import { path, text, flags: &flags, zones: None, directory, host: &host };
    import(&from).map_err(|error| error.to_string())
}

/// The lines that set something or begin a section, without comments.
fn settings(text: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut lines = Vec::new();
    for (section, keys) in table {
        for (key, value) in keys.as_table().unwrap() {
            lines.push(format!("{section}.{key} = {value}"));
        }
    }
    lines.sort();
    lines
}

#[test]
fn every_key_is_carried_over_or_a_comment_has_the_reason() {
    let text = of(CONF, "").unwrap();
    assert_eq!(
        settings(&text),
        [
            r#"dns.listen = ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"]"#,
            "dns.public_debug_queries = true",
            r#"geoip.directory = "/var/lib/GeoIP""#,
            r#"health.directory = "/srv/health""#,
            "http.detailed_metrics = true",
            r#"http.listen = "[::]:8053""#,
            r#"http.password = "so; secret""#,
            r#"http.user = "stats""#,
            r#"log.format = "json""#,
            "log.keep = 3",
            "log.max_size_mb = 50",
            r#"log.path = "/srv/log/queries.log""#,
            r#"xdp.interfaces = ["eth0"]"#,
            r#"zones.directory = "/etc/geodns""#,
        ],
        "{text}"
    );
    for comment in [
        "# dns.elsewhere: not carried over: geodns has no such key",
        "# nodeping.token: not carried over: geodns reads it and doesn't use it",
        "# pingdom.username: not carried over: geodns reads it and doesn't use it",
    ] {
        assert!(text.lines().any(|line| line == comment), "{comment} isn't in\n{text}");
    }
}

#[test]
fn flags_are_carried_over_too() {
    let text = of(
        "",
        "-interface 192.0.2.1,[2001:db8::1],192.0.2.1:5300,192.0.2.1 -port 5053 \
         -identifier ns1,eu,anycast -http localhost:9000 -config dns -cpus 4 -log -logfile a.log \
         -configfile other.conf -checkconfig -version -cpuprofile c -memprofile m",
    )
    .unwrap();
    assert_eq!(
        settings(&text),
        [
            r#"dns.groups = ["eu", "anycast"]"#,
            r#"dns.listen = ["192.0.2.1:5053", "[2001:db8::1]:5053", "192.0.2.1:5300"]"#,
            r#"dns.server_id = "ns1""#,
            "dns.workers = 4",
            r#"geoip.directory = "/usr/share/GeoIP/""#,
            r#"http.listen = "127.0.0.1:9000""#,
            r#"xdp.interfaces = ["eth0"]"#,
            r#"zones.directory = "/srv/dns""#,
        ],
        "{text}"
    );
    for flag in ["log", "logfile", "configfile", "checkconfig", "version", "cpuprofile"] {
        let begin = format!("# -{flag}: ");
        assert!(text.lines().any(|line| line.starts_with(&begin)), "{begin} isn't in\n{text}");
    }
}

#[test]
fn what_is_made_is_a_configuration() {
    let text = of("[http]\nuser = u\npassword = p\n[dns]\ndetailedmetrics = on\n", "").unwrap();
    let config = Config::parse(&text, Path::new("/etc/edge/edge.toml")).unwrap();
    assert_eq!(config.dns.server_id, "::1");
    assert_eq!(config.http.listen, "[::]:8053".parse().ok());
    assert!(config.http.detailed_metrics);
    let text = of("", "-interface 127.0.0.1 -http \"\"").unwrap();
    let config = Config::parse(&text, Path::new("/etc/edge/edge.toml")).unwrap();
    assert_eq!(config.xdp.mode, crate::settings::XdpMode::Off);
    assert_eq!(config.http.listen, None);
}

#[test]
fn unspecified_addresses_are_written_out() {
    for (interface, expect) in [
        ("0.0.0.0", r#"["127.0.0.1", "192.0.2.1"]"#),
        ("::", r#"["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"]"#),
        ("192.0.2.1,*", r#"["192.0.2.1", "127.0.0.1", "::1", "2001:db8::1"]"#),
    ] {
        let text = of("", &format!("-interface {interface}")).unwrap();
        assert_eq!(settings(&text)[0], format!("dns.listen = {expect}"), "{interface}");
    }
}

#[test]
fn the_avro_log_takes_the_place_of_the_other() {
    let log = |text: &str| {
        let text = of(text, "").unwrap();
        let lines = settings(&text).into_iter().filter(|line| line.starts_with("log."));
        lines.collect::<Vec<_>>()
    };
    let both = "[querylog]\npath = q\n[avrolog]\npath = /avro\nmaxsize = 5000000\nmaxtime = 10s\n";
    assert_eq!(
        log(both),
        [
            r#"log.format = "avro""#,
            "log.max_age_seconds = 10",
            "log.max_size_mb = 5",
            r#"log.path = "/avro""#,
        ]
    );
    assert!(of(both, "").unwrap().contains("# querylog: not carried over: avrolog"));
    let least = log("[avrolog]\npath = /avro\nmaxsize = 49999\nmaxtime = 5ms\n");
    assert_eq!(least[1..3], ["log.max_age_seconds = 1", "log.max_size_mb = 1"]);
    let bare = log("[querylog]\npath = q\n");
    assert_eq!(bare[1..3], ["log.keep = 0", "log.max_size_mb = 100"]);
    assert!(log("[querylog]\nmaxsize = 9\n").is_empty());
}

#[test]
fn what_geodns_would_not_take_is_named_with_its_place() {
    for (text, flags, expect) in [
        ("[dns\n", "", "/etc/geodns/geodns.conf:1: a section without ]"),
        (
            "[dns]\n\ndetailedmetrics = maybe\n",
            "",
            "/etc/geodns/geodns.conf:3: dns.detailedmetrics: \"maybe\" is neither true nor false",
        ),
        (
            "[querylog]\npath = q\nkeep = some\n",
            "",
            "/etc/geodns/geodns.conf:3: querylog.keep: \"some\" is not a number",
        ),
        (
            "[avrolog]\npath = q\nmaxtime = 10\n",
            "",
            "/etc/geodns/geodns.conf:3: avrolog.maxtime: \"10\" is not a duration such as 10s",
        ),
        ("", "-port 0", "-port: \"0\" is not a port"),
        (
            "",
            "-interface eth0",
            "-interface: \"eth0\" is not an address; name the addresses to serve",
        ),
        ("", "-http here", "-http: \"here\" is not an address and port, such as 127.0.0.1:8053"),
        ("", "-cpus some", "-cpus: \"some\" is not a number of CPUs"),
    ] {
        assert_eq!(of(text, flags).unwrap_err(), expect);
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge.toml");
    write(&path, "a = 1\n", false).unwrap();
    let refused = write(&path, "b = 2\n", false);
    assert!(matches!(refused, Err(OutputError::Exists(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a = 1\n");
    set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    write(&path, "b\n", true).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "b\n");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
