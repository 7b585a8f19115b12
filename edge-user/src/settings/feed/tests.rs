//! Tests of the settings of feeds, and of which go together.

use std::fs;
use std::path::Path;

use super::{Place, Sections};
use crate::settings::Config;

const REST: &str = "[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \"off\"\n";

fn parse(text: &str) -> Result<Config, String> {
    let text = format!("{REST}{text}");
    Config::parse(&text, Path::new("/etc/edge/edge.toml")).map_err(|error| error.to_string())
}

fn refused(text: &str) -> String {
    parse(text).map(|_| ()).unwrap_err()
}

#[test]
fn nothing_is_fed_unless_configured() {
    let config = parse("").unwrap();
    assert!(!config.feed.has_sources() && config.fleet.is_none());
    assert_eq!(config.policy, edge_feed::ZonePolicy::default());
}

#[test]
fn paths_are_relative_to_the_file_and_addresses_are_left_alone() {
    let text = "[feed]\nstate = \"feed\"\nsnapshot = \"s.json\"\ndeltas = \"https://h/deltas\"\n\
                token_file = \"/t\"\n[feed.nats]\nservers = [\"nats://h\"]\nstream = \"SCORES\"\n\
                ca_file = \"ca.pem\"\n[fleet]\nttl_seconds = 9\n[policy]\nstable_split = true\n";
    let config = parse(text).unwrap();
    let feed = &config.feed;
    assert_eq!(feed.state.as_deref(), Some(Path::new("/etc/edge/feed")));
    assert_eq!(feed.snapshot, Some(Place::File("/etc/edge/s.json".into())));
    assert_eq!(feed.deltas, Some(Place::Address("https://h/deltas".into())));
    assert_eq!(feed.token_file.as_deref(), Some(Path::new("/t")));
    let nats = feed.nats.as_ref().unwrap();
    assert_eq!(nats.ca_file.as_deref(), Some(Path::new("/etc/edge/ca.pem")));
    assert_eq!(nats.subject_of("SCORES"), "scores");
    assert!(feed.has_sources() && feed.builds_zones() && config.policy.stable_split);
    let fleet = config.fleet.unwrap();
    assert_eq!(fleet.node, crate::settings::host_name());
    assert_eq!(fleet.rules(&nats.keep()).ttl.as_secs(), 9);
}

#[test]
fn what_does_not_go_together_is_refused_with_its_place_and_the_way_out() {
    let state = "[feed]\nstate = \"s\"\n";
    for (text, expected) in [
        ("[feed]\nsnapshot = \"s.json\"\n".to_owned(), "edge.toml:5:1: feed.state: name a dir"),
        (format!("{state}deltas = \"d\"\n"), "feed.deltas: changes need a snapshot of the servers"),
        (
            format!("{state}snapshot = \"s\"\ndeltas = \"d\"\nresults = \"r\"\n"),
            "feed.results: the scores of",
        ),
        (
            format!("{state}snapshot = \"ftp://h/s\"\n"),
            "neither a file nor an https:// or http:// address",
        ),
        (format!("{state}snapshots = \"s\"\n"), "unknown field `snapshots`"),
        (
            format!("{state}zones = {{ url = \"https://h\", origins = [] }}\n"),
            "feed.zones.origins is empty",
        ),
        (
            format!("{state}zones = {{ url = \"https://h\", origins = [\"a.b\", \"A.b\"] }}\n"),
            "the zone A.b has two sources",
        ),
        (format!("{state}[feed.nats]\nbucket = \"b\"\n"), "feed.nats.servers is empty"),
        (format!("{state}[feed.guard]\nservers_percent = 101\n"), "feed.guard: servers_percent"),
        ("[policy.hysteresis]\nenter = 5\nleave = 9\n".to_owned(), "5:1: policy.hysteresis.leave"),
        ("[fleet]\n".to_owned(), "5:1: fleet: heartbeats use NATS"),
    ] {
        let error = refused(&text);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_feed_is_enough_and_a_directory_that_is_named_has_to_be_there() {
    let feed = "[feed]\nstate = \"s\"\nsnapshot = \"s.json\"\n";
    let zones = |text: &str| parse(text).map(|config| config.zones).unwrap();
    let usual = Some(Path::new("/etc/edge/zones"));
    for (text, directory, is_optional) in [
        (String::new(), usual, false),
        (feed.to_owned(), usual, true),
        (format!("{feed}[zones]\ndirectory = \"zones\"\n"), usual, false),
        (format!("{feed}[zones]\ndirectory = \"\"\n"), None, false),
    ] {
        let zones = zones(&text);
        assert_eq!((zones.directory.as_deref(), zones.is_optional), (directory, is_optional));
    }
    let error = refused("[zones]\ndirectory = \"\"\n");
    assert!(error.contains("edge.toml:5:1: zones.directory is empty, and there is no"), "{error}");
}

#[test]
fn how_long_an_address_may_take_is_configured_by_one_number() {
    let patience = |text: &str| {
        let limits = parse(text).unwrap().feed.limits();
        [limits.first, limits.idle, limits.total].map(|time| time.as_secs())
    };
    assert_eq!(patience(""), [10, 10, 60]);
    assert_eq!(patience("[feed]\ntimeout_seconds = 2\n"), [2, 2, 12]);
    assert!(refused("[feed]\ntimeout_seconds = 0\n").contains("nonzero"));
}

#[test]
fn commands_read_the_sections_on_feeds_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.toml");
    fs::write(&path, "[feed.nats]\nservers = [\"nats://h\"]\nbucket = \"b\"\n").unwrap();
    assert!(Sections::load(&path).unwrap().feed.builds_zones());
    fs::write(&path, "[feed]\nsnapshot = \"f\"\n[elsewhere]\nx = 1\n").unwrap();
    let sections = Sections::load(&path).unwrap();
    assert_eq!(sections.feed.snapshot, Some(Place::File(folder.path().join("f"))));
    fs::write(&path, "[policy]\nramps = 1\n").unwrap();
    let error = Sections::load(&path).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("publish.toml:2:1: unknown field `ramps`"), "{error}");
}
