//! The files and directories that a configuration names.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use edge_zone::geo::{Database, DatabaseKind, Databases};
use rustix::fs::{Access, access};

use crate::settings::{Config, Place};

/// Octets of the longest path of a Unix socket (`sun_path`, with its end).
const SOCKET_OCTETS: usize = 107;

/// Why the control socket can't be made, if it can't.
pub(super) fn socket(config: &Config) -> Option<String> {
    let path = &config.control.socket;
    let reason = |reason: String| Some(format!("control.socket {}: {reason}", path.display()));
    if path.as_os_str().len() > SOCKET_OCTETS {
        return reason(format!("a path has {SOCKET_OCTETS} octets at most; shorten it"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            reason("something else than a socket is there; name another path".to_owned())
        }
        _ => None,
    }
}

/// The directories that the node writes to, and can't be written to by this user: a line each.
pub(super) fn directories(config: &Config) -> Vec<String> {
    let socket = config.control.socket.parent().map(|folder| ("control.socket", folder));
    let state = config.feed.state.as_deref().map(|folder| ("feed.state", folder));
    let line = |(key, folder): (&str, &Path)| {
        let cause = unwritable(folder)?;
        Some(format!(
            "{key}: {} can't be written to by this user: {cause}; run the check as the node's \
             user, and give it the directory",
            folder.display()
        ))
    };
    [socket, state].into_iter().flatten().filter_map(line).collect()
}

/// Why a directory can't be written to, or be made, if it can't.
fn unwritable(folder: &Path) -> Option<io::Error> {
    for place in folder.ancestors().filter(|place| !place.as_os_str().is_empty()) {
        match fs::metadata(place) {
            Ok(found) if !found.is_dir() => return Some(io::ErrorKind::NotADirectory.into()),
            Ok(_) => {
                let wanted = Access::WRITE_OK | Access::EXEC_OK;
                return access(place, wanted).err().map(io::Error::from);
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Some(cause),
        }
    }
    None
}

/// The warning that no zone will be served.
pub(super) fn no_zones(config: &Config) -> Option<String> {
    let directory = config.zones.directory.as_deref()?;
    let until = match config.feed.has_sources() {
        true => "until the feed has arrived, every query is refused",
        false => "every query is refused; put zone files (NAME.json) there",
    };
    Some(format!("{}: no zones; {until}", directory.display()))
}

/// What is odd about the files of databases, a line each. Broken ones are errors already.
pub(super) fn databases(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("mmdb")));
    files.sort();
    let mut warnings = Vec::new();
    let known: Vec<String> = ["GeoLite2", "GeoIP2"]
        .into_iter()
        .flat_map(|product| DatabaseKind::ALL.map(|kind| format!("{product}-{kind}.mmdb")))
        .collect();
    let opened = Databases::open(directory).ok();
    let used = |path: &Path| opened.iter().flat_map(Databases::iter).any(|it| it.path() == path);
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !known.contains(&name) {
            let distance =
                |known: &&String| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
            let nearest = known.iter().min_by_key(distance).map_or("", String::as_str);
            warnings.push(format!(
                "{}: a database of this name isn't read; is {nearest} meant?",
                path.display()
            ));
        } else if opened.is_some() && !used(&path) {
            warnings.push(format!(
                "{}: not read, because the GeoLite2 database of the same kind is there; remove one",
                path.display()
            ));
        }
    }
    warnings.extend(opened.iter().flat_map(Databases::iter).filter_map(of_another_kind));
    warnings
}

/// The warning that a database of cities is where one of countries is meant.
fn of_another_kind(database: &Database) -> Option<String> {
    let is_country = database.database_type().contains(DatabaseKind::Country.name());
    (database.kind() == DatabaseKind::Country && !is_country).then(|| {
        format!(
            "{}: it is a {} database, and only its countries are read; put a Country database \
             there, or name it GeoLite2-City.mmdb if zones need regions or places",
            database.path().display(),
            database.database_type()
        )
    })
}

/// The files of the feed that can't be read now, a line each.
pub(super) fn feed(config: &Config) -> Vec<String> {
    let feed = &config.feed;
    let file = |place: &Option<Place>| match place {
        Some(Place::File(path)) => Some(path.clone()),
        _ => None,
    };
    let snapshot = file(&feed.snapshot);
    let mut files = vec![
        ("feed.snapshot", snapshot.clone()),
        ("feed.deltas", file(&feed.deltas)),
        ("feed.results", feed.results.clone()),
        ("feed.token_file", feed.token_file.clone()),
        ("feed.ca_file", feed.ca_file.clone()),
    ];
    if let Some(nats) = &feed.nats {
        files.extend([
            ("feed.nats.credentials_file", nats.credentials_file.clone()),
            ("feed.nats.password_file", nats.password_file.clone()),
            ("feed.nats.ca_file", nats.ca_file.clone()),
            ("feed.nats.certificate_file", nats.certificate_file.clone()),
            ("feed.nats.key_file", nats.key_file.clone()),
        ]);
    }
    let mut warnings = Vec::new();
    for (key, path) in files {
        let Some(path) = path else { continue };
        if let Err(cause) = fs::File::open(&path) {
            let place = path.display();
            warnings.push(format!("{key}: {place}: {cause}; the node waits for the file"));
        }
    }
    if let Some(path) = snapshot.filter(|path| path.exists())
        && let Err(cause) = super::super::feed::read_snapshot(&path)
    {
        warnings.push(format!("feed.snapshot: {cause:#}; the node waits for a good one"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use edge_zone::geo::fixture;

    use super::{databases, directories, feed, no_zones, socket};
    use crate::settings::Config;

    fn config(folder: &Path, more: &str) -> Config {
        let text = format!("[dns]\nlisten = [\"127.0.0.1\"]\n[xdp]\nmode = \"off\"\n{more}");
        Config::parse(&text, &folder.join("edge.toml")).unwrap()
    }

    #[test]
    fn a_socket_that_cannot_be_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let with = |path: &str| {
            socket(&config(folder.path(), &format!("[control]\nsocket = \"{path}\"\n")))
        };
        assert_eq!(with("edge.sock"), None);
        fs::write(folder.path().join("edge.sock"), "").unwrap();
        assert!(with("edge.sock").unwrap().contains("something else than a socket"));
        let long = "a".repeat(120);
        assert!(with(&long).unwrap().contains("107 octets at most"));
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_or_made_is_named_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let with = |state: &str| {
            let more = format!(
                "[control]\nsocket = \"edge.sock\"\n[feed]\nsnapshot = \"s.json\"\n\
                 state = \"{state}\"\n"
            );
            directories(&config(folder.path(), &more))
        };
        assert_eq!(with("new/state"), [""; 0]);
        let [error] = &*with("file/state") else { panic!("one directory is wrong") };
        assert!(error.starts_with("feed.state: ") && error.contains("Not a directory"), "{error}");
    }

    #[test]
    fn an_empty_directory_of_zones_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let warning = no_zones(&config(folder.path(), "")).unwrap();
        assert!(warning.contains("/zones: no zones; every query is refused"), "{warning}");
    }

    #[test]
    fn a_database_of_a_wrong_name_or_of_cities_in_place_of_countries_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
        let country = fixture::country(&[(fixture::net("10.0.0.0/8"), "DE")]);
        write("GeoLite2-Country.mmdb", &country);
        assert_eq!(databases(folder.path()), [""; 0]);
        write("GeoLite2-country.mmdb", &country);
        write("GeoIP2-Country.mmdb", &country);
        let found = databases(folder.path());
        assert!(found.len() == 2 && found[0].contains("same kind is there"), "{found:?}");
        assert!(found[1].ends_with("is GeoLite2-Country.mmdb meant?"), "{found:?}");
        for name in ["GeoLite2-country.mmdb", "GeoIP2-Country.mmdb"] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        write(
            "GeoLite2-Country.mmdb",
            &fixture::city(&[(fixture::net("10.0.0.0/8"), "DE", "", (0.0, 0.0))]),
        );
        let found = databases(folder.path());
        assert!(
            found.len() == 1 && found[0].contains("it is a GeoLite2-City database"),
            "{found:?}"
        );
    }

    #[test]
    fn files_of_the_feed_that_cannot_be_read_are_warnings() {
        let folder = tempfile::tempdir().unwrap();
        let more = "[feed]\nsnapshot = \"s.json\"\ndeltas = \"d.ndjson\"\nstate = \"state\"\n";
        let found = || feed(&config(folder.path(), more));
        let missing = found();
        assert!(missing.len() == 2 && missing[0].starts_with("feed.snapshot: "), "{missing:?}");
        fs::write(folder.path().join("s.json"), "{}").unwrap();
        fs::write(folder.path().join("d.ndjson"), "").unwrap();
        let broken = found();
        assert!(broken.len() == 1 && broken[0].contains("waits for a good one"), "{broken:?}");
    }
}
