//! Files that change while they are served.
//!
//! Each behaviour has a zone of its own.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use edge_tests::message::rcode;
use edge_tests::message::rtype::{A, SOA};
use edge_tests::stage::{Asker, Client};

behaviours! {
    both: [
        a_new_file_is_served,
        a_changed_file_is_served,
        a_file_renamed_into_place_is_served,
        a_broken_file_changes_nothing,
        a_mended_file_is_served_although_it_is_older,
        an_older_file_is_served_in_place_of_a_newer_one,
        a_new_zone_that_is_broken_is_refused_until_it_is_mended,
        a_removed_file_takes_its_zone_with_it,
        hidden_files_folders_and_others_are_no_zones,
        a_zone_without_a_serial_has_its_files_time,
        an_alias_loop_is_refused_when_the_file_is_read,
        addresses_of_the_wrong_family_are_refused_when_the_file_is_read,
        a_child_zone_that_comes_and_goes_hides_and_shows_its_parents_names,
    ],
}

/// A zone of one's own: its name, and the path of its file.
fn own(on: &Asker, name: &str) -> (String, PathBuf) {
    let zone = format!("{name}-{}.reload.example", if on.is_udp() { "udp" } else { "tcp" });
    let path = on.stage().folder().join(format!("zones/{zone}.json"));
    (zone, path)
}

/// A zone with one address at its apex.
fn zone(address: &str) -> String {
    format!(r#"{{"serial": 1, "data": {{"": {{"a": [["{address}"]]}}}}}}"#)
}

fn write(on: &Asker, zone: &str, json: &str) {
    on.write(&format!("zones/{zone}.json"), json);
}

fn is(on: &Asker, name: &str, address: &str) -> bool {
    on.get(name, A).data() == [address]
}

fn becomes(on: &Asker, name: &str, address: &str) {
    on.until(&format!("{name} is {address}"), || is(on, name, address));
}

/// Insists that a zone stays as it is until a later change has been noticed.
fn stays(on: &Asker, name: &str, address: &str) {
    let (marker, path) = own(on, &format!("marker-of-{name}"));
    write(on, &marker, &zone("10.99.0.1"));
    becomes(on, &marker, "10.99.0.1");
    assert!(is(on, name, address), "{name} is no longer {address}");
    fs::remove_file(path).expect("remove");
}

fn refused(on: &Asker, name: &str) -> bool {
    on.get(name, A).rcode == rcode::REFUSED
}

fn a_new_file_is_served(on: &Asker) {
    let (name, _) = own(on, "new");
    assert!(refused(on, &name));
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
}

fn a_changed_file_is_served(on: &Asker) {
    let (name, path) = own(on, "changed");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    // In place, without a new file.
    fs::write(path, zone("10.0.0.2")).expect("write");
    becomes(on, &name, "10.0.0.2");
}

fn a_file_renamed_into_place_is_served(on: &Asker) {
    let (name, path) = own(on, "renamed");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    let elsewhere = on.stage().folder().join(format!("{name}.prepared"));
    fs::write(&elsewhere, zone("10.0.0.2")).expect("write");
    fs::rename(elsewhere, path).expect("rename");
    becomes(on, &name, "10.0.0.2");
}

fn a_broken_file_changes_nothing(on: &Asker) {
    let (name, _) = own(on, "broken");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    for json in [
        "",
        "{",
        "[]",
        r#"{"data": {"": {"a": [["10.0.0.300"]]}}}"#,
        r#"{"targeting": "@ country ", "data": {"": {"a": [["10.0.0.2"]]}}}"#,
        r#"{"targeting": "planet", "data": {"": {"a": [["10.0.0.2"]]}}}"#,
        r#"{"data": {"": {"a": [["10.0.0.2"]]}, "x": {"alias": 7}}}"#,
        r#"{"ttl": [], "data": {"": {"a": [["10.0.0.2"]]}}}"#,
        r#"{"closest": "yes", "data": {"": {"a": [["10.0.0.2"]]}}}"#,
    ] {
        write(on, &name, json);
        stays(on, &name, "10.0.0.1");
    }
}

/// Puts a file of some age in a zone's place.
fn aged(json: &str, path: &PathBuf, days: u64) {
    let new = path.with_extension("aged");
    fs::write(&new, json).expect("write");
    let file = fs::File::options().write(true).open(&new).expect("open");
    file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).expect("a time");
    fs::rename(new, path).expect("rename");
}

fn a_mended_file_is_served_although_it_is_older(on: &Asker) {
    let (name, path) = own(on, "mended");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    write(on, &name, "{");
    stays(on, &name, "10.0.0.1");
    aged(&zone("10.0.0.2"), &path, 30);
    becomes(on, &name, "10.0.0.2");
}

fn an_older_file_is_served_in_place_of_a_newer_one(on: &Asker) {
    let (name, path) = own(on, "older");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    aged(&zone("10.0.0.2"), &path, 7);
    becomes(on, &name, "10.0.0.2");
}

fn a_new_zone_that_is_broken_is_refused_until_it_is_mended(on: &Asker) {
    let (name, _) = own(on, "born-broken");
    let (other, _) = own(on, "beside-broken");
    write(on, &name, r#"{"data": {"": {"a": [["not an address"]]}}}"#);
    write(on, &other, &zone("10.0.0.7"));
    becomes(on, &other, "10.0.0.7");
    assert!(refused(on, &name));
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
}

fn a_removed_file_takes_its_zone_with_it(on: &Asker) {
    let (name, path) = own(on, "removed");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    fs::remove_file(path).expect("remove");
    on.until("the zone is gone", || refused(on, &name));
    write(on, &name, &zone("10.0.0.2"));
    becomes(on, &name, "10.0.0.2");
}

fn hidden_files_folders_and_others_are_no_zones(on: &Asker) {
    let (name, path) = own(on, "hidden");
    let zones = path.parent().expect("the zones' folder");
    fs::write(zones.join(format!(".{name}.json")), zone("10.0.0.1")).expect("write");
    fs::write(zones.join(format!("{name}.json.bak")), zone("10.0.0.1")).expect("write");
    fs::create_dir(zones.join(format!("folder-{name}.json"))).expect("a folder");
    let (other, _) = own(on, "suffix");
    fs::write(zones.join(format!("{other}.JSON")), zone("10.0.0.2")).expect("write");
    becomes(on, &other, "10.0.0.2");
    for no_zone in
        [name.clone(), format!(".{name}"), format!("folder-{name}"), format!("{name}.json")]
    {
        assert!(refused(on, no_zone.trim_start_matches('.')), "{no_zone}");
    }
}

fn a_zone_without_a_serial_has_its_files_time(on: &Asker) {
    let (name, path) = own(on, "serial");
    aged(r#"{"data": {"": {"a": [["10.0.0.1"]]}}}"#, &path, 100);
    becomes(on, &name, "10.0.0.1");
    let modified = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
    let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    // The kernel's tables may be a moment ahead of the authority's zones.
    on.until("the SOA is there", || !on.get(&name, SOA).answers.is_empty());
    let soa = on.get(&name, SOA);
    assert_eq!(soa.data()[0].split(' ').nth(2), Some(seconds.to_string().as_str()));
}

fn an_alias_loop_is_refused_when_the_file_is_read(on: &Asker) {
    let (name, _) = own(on, "loop");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    for labels in [
        r#""x": {"alias": "x"}"#,
        r#""x": {"alias": "y"}, "y": {"alias": "x"}"#,
        r#""x": {"alias": "y"}, "y.de": {"alias": "z"}, "z": {"alias": "x"}"#,
        r#""x.europe": {"alias": "x"}"#,
    ] {
        let json = format!(r#"{{"serial": 2, "data": {{"": {{"a": [["10.0.0.2"]]}}, {labels}}}}}"#);
        write(on, &name, &json);
        let (other, _) = own(on, "after-the-loop");
        let address =
            if on.get(&other, A).data() == ["10.0.0.8"] { "10.0.0.9" } else { "10.0.0.8" };
        write(on, &other, &zone(address));
        becomes(on, &other, address);
        // Refused at load, or harmless: whatever is served, it answers.
        for client in [Client::Germany, Client::Nobody] {
            let reply = on.at(client).get(&format!("x.{name}"), A);
            assert!(reply.answers.is_empty(), "{labels}: {reply:?}");
        }
        if !labels.contains("europe") && !labels.contains("de") {
            assert!(is(on, &name, "10.0.0.1"), "{labels} is refused at load");
        }
    }
}

fn addresses_of_the_wrong_family_are_refused_when_the_file_is_read(on: &Asker) {
    let (name, _) = own(on, "family");
    write(on, &name, &zone("10.0.0.1"));
    becomes(on, &name, "10.0.0.1");
    for json in [
        r#"{"data": {"": {"a": [["fd00::1"]]}}}"#,
        r#"{"data": {"": {"aaaa": [["10.0.0.2"]], "a": [["10.0.0.2"]]}}}"#,
    ] {
        write(on, &name, json);
        stays(on, &name, "10.0.0.1");
    }
}

fn a_child_zone_that_comes_and_goes_hides_and_shows_its_parents_names(on: &Asker) {
    let (parent, _) = own(on, "parent");
    let child = format!("child.{parent}");
    let path = on.stage().folder().join(format!("zones/{child}.json"));
    let json = r#"{"serial": 1, "data": {"x.child": {"a": [["10.0.0.1"]]}}}"#;
    write(on, &parent, json);
    let name = format!("x.{child}");
    becomes(on, &name, "10.0.0.1");
    write(on, &child, &zone("10.0.0.2"));
    becomes(on, &child, "10.0.0.2");
    on.until("the parent's name is hidden", || on.get(&name, A).rcode == rcode::NXDOMAIN);
    fs::remove_file(path).expect("remove");
    becomes(on, &name, "10.0.0.1");
}
