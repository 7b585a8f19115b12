//! The program's version, commit and layout, for `edge --version` and the log.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use edge_common::abi;

use crate::settings::{Config, XdpMode};

/// Version, commit, and the version of the maps' layout, which an older or newer program may not
/// share.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("EDGE_COMMIT"));
    format!("{version} ({commit}, layout {})", abi::VERSION)
});

/// The log's first line: what is started, by which file, and where it will serve.
pub(super) fn first_line(path: &Path, config: &Config) -> String {
    let list = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>().join(", ");
    let dns = list(&mut config.dns.listen.iter().map(ToString::to_string));
    let mut line = format!("edge {}, {}: DNS on {dns}", *VERSION, path.display());
    let ntp = config.ntp.served();
    if !ntp.is_empty() {
        let _written = write!(line, "; NTP on {}", list(&mut ntp.iter().map(ToString::to_string)));
    }
    let mode = match config.xdp.mode {
        XdpMode::Off => return line + "; no XDP",
        XdpMode::Auto => "auto",
        XdpMode::Native => "native",
        XdpMode::Generic => "generic",
    };
    let interfaces = config.xdp.interfaces.join(", ");
    let _written = write!(line, "; XDP on {interfaces}, mode {mode}");
    line
}

#[cfg(test)]
mod tests {
    use super::{VERSION, first_line};
    use crate::settings::Config;

    fn line(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.toml");
        std::fs::write(&path, text).unwrap();
        let line = first_line(&path, &Config::load(&path).unwrap());
        line.replace(&path.display().to_string(), "FILE")
    }

    #[test]
    fn the_version_names_commit_and_layout() {
        let layout = format!(", layout {})", edge_common::abi::VERSION);
        let version = VERSION.strip_prefix(concat!(env!("CARGO_PKG_VERSION"), " (")).unwrap();
        let commit = version.strip_suffix(&layout).unwrap();
        let hexadecimal = commit.strip_prefix("commit ").unwrap_or_default();
        let is_commit =
            hexadecimal.len() >= 7 && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_commit || commit == "unknown commit", "{commit}");
    }

    #[test]
    fn the_first_line_names_the_file_the_addresses_and_the_interfaces_with_their_mode() {
        let head = format!("edge {}, FILE: DNS on ", *VERSION);
        let text = "[dns]\nlisten = [\"192.0.2.1\", \"2001:db8::1\"]\n[xdp]\nmode = \"native\"\n\
                    interfaces = [\"a\", \"b\"]\n[ntp]\nenabled = true\n";
        let wanted = "192.0.2.1:53, [2001:db8::1]:53; NTP on 192.0.2.1:123, [2001:db8::1]:123; \
                      XDP on a, b, mode native";
        assert_eq!(line(text), format!("{head}{wanted}"));
        let off = line("[dns]\nlisten = [\"192.0.2.1:5353\"]\n[xdp]\nmode = \"off\"\n");
        assert_eq!(off, format!("{head}192.0.2.1:5353; no XDP"));
    }
}
