//! The configuration file: TOML, with typed values and absolute paths.
//!
//! Unknown keys are errors, so that a slip of the pen doesn't go unnoticed. Every key but
//! `dns.listen` has a default. Relative paths are relative to the file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use edge_feed::ZonePolicy;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

mod changes;
mod control;
mod errors;
mod feed;
mod http;
#[cfg(test)]
mod limits_tests;
mod ntp;
#[cfg(test)]
mod ntp_limits_tests;
mod xdp;
mod zone;

pub use changes::{Changes, changes, taken_over};
pub use control::{Control, SOCKET, control_socket};
use edge_tables::live::cookie_state::{CookieOptions, MOST_SECRETS};
use edge_tables::live::limits::Limits;
use edge_tables::publish::Shares;
use edge_zone::AnyPolicy;
pub use errors::ConfigError;
use errors::Faults;
pub use feed::{Feed, Fleet, NatsSource, Place, Sections, ZoneServer};
pub use http::Http;
pub use ntp::{Chronyc, Denied, Foreign, Ntp, Unsynchronised};
pub use xdp::{Xdp, XdpMode};
pub use zone::{ZoneConfig, ZoneConfigs, Zones};

/// The configuration file, unless another is named.
pub const FILE: &str = "/etc/edge/edge.toml";

/// The port of DNS.
pub const DNS_PORT: u16 = 53;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What should be changed in the file, though it is taken.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// `[dns]`
    pub dns: Dns,
    /// `[xdp]`
    #[serde(default)]
    pub xdp: Xdp,
    /// `[zones]`
    #[serde(default)]
    pub zones: Zones,
    /// `[zone."…"]`
    #[serde(default)]
    pub zone: ZoneConfigs,
    /// `[geoip]`
    #[serde(default)]
    pub geoip: GeoIp,
    /// `[health]`
    #[serde(default)]
    pub health: Health,
    /// `[feed]`
    #[serde(default)]
    pub feed: Feed,
    /// `[policy]`
    #[serde(default)]
    pub policy: ZonePolicy,
    /// `[fleet]`: with it the node reports to a fleet how it is.
    #[serde(default)]
    pub fleet: Option<Fleet>,
    /// `[ntp]`
    #[serde(default)]
    pub ntp: Ntp,
    /// `[limits]`
    #[serde(default)]
    pub limits: Limits,
    /// `[cookies]`
    #[serde(default)]
    pub cookies: CookieOptions,
    /// `[log]`
    #[serde(default)]
    pub log: Log,
    /// `[http]`
    #[serde(default)]
    pub http: Http,
    /// `[control]`
    #[serde(default)]
    pub control: Control,
    /// The file that it was read from.
    #[serde(skip)]
    pub source: Source,
}

/// The file of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What it contained.
    pub text: String,
}

/// Where DNS is served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Service addresses; at least one.
    #[serde(deserialize_with = "dns_addresses")]
    pub listen: Vec<SocketAddr>,
    /// This server's name in `_status`, `_country` and NSID. When empty, the first address of
    /// `listen` that isn't 127.0.0.1, or the host's name.
    #[serde(default)]
    pub server_id: String,
    /// Threads of the authority for each address; as many as there are CPUs when 0.
    #[serde(default)]
    pub workers: usize,
    /// Whether `_status` and `_health` are answered to everyone; else only to this host.
    #[serde(default)]
    pub public_debug_queries: bool,
    /// What ANY is answered with: one HINFO record, or the records of every type.
    #[serde(default)]
    pub any: AnyPolicy,
    /// The answer to `version.bind` and `version.server` (TXT, class CH); they are refused when it
    /// is empty.
    #[serde(default, deserialize_with = "text")]
    pub version: String,
    /// Groups that this server belongs to; metrics name the first.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Whether `id.server` and `hostname.bind` (TXT, class CH) are answered with the `server_id`;
    /// else they are refused.
    #[serde(default)]
    pub chaos_id: bool,
    /// Whether addresses are listened on that no interface has yet.
    #[serde(default = "yes")]
    pub freebind: bool,
}

const fn yes() -> bool {
    true
}

/// `MaxMind` databases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoIp {
    /// Where they are.
    pub directory: PathBuf,
}

impl Default for GeoIp {
    fn default() -> Self {
        Self { directory: "geoip".into() }
    }
}

/// Health of the servers that zones name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Where the status files are. If it isn't given, or empty, records that are tested are never
    /// answered.
    pub directory: Option<PathBuf>,
}

/// The query log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A file for JSON lines, a directory for Avro; nothing is logged when empty.
    pub path: PathBuf,
    /// What is written.
    pub format: LogFormat,
    /// One in so many of the authority's answers is logged.
    pub sample: NonZeroU32,
    /// One in so many of XDP's answers is logged; none when 0.
    pub xdp_sample: u32,
    /// Mebibytes of a file; 200 for JSON lines and 5 for Avro unless given.
    pub max_size_mb: Option<NonZeroU32>,
    /// Seconds after which a file that isn't empty is closed, 0 for never; never for JSON lines and
    /// 10 for Avro unless given.
    pub max_age_seconds: Option<u32>,
    /// Closed files that are kept, 0 for all; 1 for JSON lines and all for Avro unless given.
    pub keep: Option<u32>,
    /// What is logged as `Hostname`; left out when empty.
    pub hostname: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            format: LogFormat::Json,
            sample: NonZeroU32::MIN,
            xdp_sample: 0,
            max_size_mb: None,
            max_age_seconds: None,
            keep: None,
            hostname: String::new(),
        }
    }
}

/// What a query log is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A JSON object a line.
    #[default]
    Json,
    /// Avro object container files.
    Avro,
}

fn dns_addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SocketAddr>, D::Error> {
    let addresses = addresses(from, DNS_PORT)?;
    if addresses.is_empty() {
        return Err(D::Error::custom("at least one address is needed, such as \"192.0.2.1\""));
    }
    Ok(addresses)
}

/// A text that fits into one character-string (RFC 1035 §3.3).
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.len() > 255 {
        return Err(D::Error::custom("a text has 255 octets at most; shorten it"));
    }
    Ok(text)
}

fn addresses<'de, D: Deserializer<'de>>(from: D, port: u16) -> Result<Vec<SocketAddr>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let mut addresses = Vec::with_capacity(texts.len());
    for text in texts {
        let address = address(&text, port).map_err(D::Error::custom)?;
        if addresses.contains(&address) {
            return Err(D::Error::custom(format!("{address} is listed twice; leave one out")));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// `ip`, `ip:port`, `[v6]` or `[v6]:port`.
fn address(text: &str, port: u16) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match (bare.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        (Ok(ip), _) => SocketAddr::new(ip, port),
        (_, Ok(address)) => address,
        _ => {
            let hint =
                "write \"192.0.2.1\", \"192.0.2.1:53\", \"2001:db8::1\" or \"[2001:db8::1]:53\"";
            return Err(format!("{text:?} is not an address; {hint}"));
        }
    };
    if address.ip().is_unspecified() || address.ip().is_multicast() || address.port() == 0 {
        return Err(format!(
            "{text:?} can't be served: name each address and port that clients query"
        ));
    }
    Ok(address)
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has unknown or impossible values.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = errors::text(path)?;
        Self::parse(&text, path)
    }

    /// How many names of each zone may be in the tables.
    #[must_use]
    pub fn shares(&self) -> Shares {
        let number = |share: NonZeroU32| share.get() as usize;
        let zones = self.zone.shares().map(|(apex, share)| (Box::from(apex), number(share)));
        Shares { usual: self.zones.share.map(number), zones: zones.collect() }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = errors::read(text, path)?;
        let mut faults = Faults::new(text);
        if let Some(warning) = config.xdp.rename() {
            config.warnings.push(format!("{}: {warning}", path.display()));
        }
        if config.xdp.mode != XdpMode::Off && config.xdp.interfaces.is_empty() {
            let reason = "xdp.interfaces is empty; name the interfaces by which queries arrive, \
                          or set xdp.mode = \"off\"";
            faults.add("[xdp]", reason);
        }
        if config.xdp.instance.is_empty() {
            faults.add("instance", "xdp.instance must not be empty");
        }
        if config.log.xdp_sample > 0 && config.log.path.as_os_str().is_empty() {
            let reason = "log.xdp_sample: nothing is logged without log.path; name a file, or a \
                          directory for Avro";
            faults.add("xdp_sample", reason);
        }
        if config.cookies.secrets.len() > MOST_SECRETS {
            let reason = "cookies.secrets: at most two files: the new secret first, then the one \
                          that is being retired";
            faults.add("secrets", reason);
        }
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        for relative in [&mut config.geoip.directory, &mut config.control.socket] {
            *relative = base.join(&*relative);
        }
        for relative in &mut config.cookies.secrets {
            *relative = base.join(&*relative);
        }
        let health = config.health.directory.take();
        config.health.directory =
            health.filter(|path| !path.as_os_str().is_empty()).map(|path| base.join(path));
        if !config.log.path.as_os_str().is_empty() {
            config.log.path = base.join(&config.log.path);
        }
        let policy = &config.policy;
        match feed::complete(&mut config.feed, policy, config.fleet.as_mut(), base) {
            Err((section, reason)) => faults.add(section, &reason),
            Ok(()) => faults.of("[feed", config.feed.check_state()),
        }
        faults.of("[zones]", config.zones.complete(base, config.feed.has_sources()));
        faults.of("[ntp]", config.ntp.complete(&config.dns.listen, config.xdp.mode));
        faults.of("[limits]", config.limits.check().map_err(|reason| reason.to_string()));
        faults.of("[ntp]", config.ntp.check(&config.limits.ntp));
        faults.of("[http]", config.http.complete(base));
        faults.end(path)?;
        if config.dns.server_id.is_empty() {
            config.dns.server_id = first_name(&config.dns.listen);
        }
        if config.dns.workers == 0 {
            config.dns.workers = std::thread::available_parallelism().map_or(1, usize::from);
        }
        config.source = Source { path: path.to_path_buf(), text: text.to_owned() };
        Ok(config)
    }
}

/// Who we are unless that is configured: as geodns, the first address that isn't 127.0.0.1.
fn first_name(listen: &[SocketAddr]) -> String {
    let mut addresses = listen.iter().map(SocketAddr::ip);
    let first = addresses.find(|ip| *ip != IpAddr::from(Ipv4Addr::LOCALHOST));
    first.map_or_else(host_name, |ip| ip.to_string())
}

/// This host's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Config, Log, LogFormat, XdpMode};
    use edge_tables::live::switches::{ReturnPath, Switches};
    use edge_zone::AnyPolicy;
    use std::num::NonZeroU32;
    use std::path::Path;

    const MINIMAL: &str = "[dns]\nlisten = [\"192.0.2.1\", \"[2001:db8::1]:5353\"]\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/etc/edge/edge.toml")).map_err(|error| error.to_string())
    }

    fn refused(text: &str) -> String {
        parse(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn only_the_addresses_and_the_interfaces_must_be_given() {
        let config = parse(&format!("{MINIMAL}[xdp]\ninterfaces = [\"eth0\"]\n")).unwrap();
        assert_eq!(config.dns.listen[0].to_string(), "192.0.2.1:53");
        assert_eq!(config.dns.listen[1].to_string(), "[2001:db8::1]:5353");
        assert_eq!(config.xdp.mode, XdpMode::Auto);
        assert_eq!(config.zones.directory.as_deref(), Some(Path::new("/etc/edge/zones")));
        assert_eq!(config.geoip.directory, Path::new("/etc/edge/geoip"));
        assert_eq!(config.control.socket, Path::new("/run/edge/edge.sock"));
        assert_eq!(config.http.listen, "127.0.0.1:8053".parse().ok());
        assert_eq!(config.dns.server_id, "192.0.2.1");
        assert_eq!(config.health.directory, None);
        let off = format!("{MINIMAL}[xdp]\nmode = \"off\"\n");
        assert_eq!(
            parse(&format!("{off}[health]\ndirectory = \"\"\n")).unwrap().health.directory,
            None
        );
        let config = parse(&format!("{off}[health]\ndirectory = \"status\"\n")).unwrap();
        assert_eq!(config.health.directory.as_deref(), Some(Path::new("/etc/edge/status")));
    }

    #[test]
    fn the_old_name_of_bypass_is_taken_and_warned_of() {
        let text = |key: &str| format!("{MINIMAL}[xdp]\nmode = \"off\"\n{key} = true\n");
        let old = parse(&text("drain")).unwrap();
        assert!(old.xdp.bypass);
        let warning = "/etc/edge/edge.toml: xdp.drain is called xdp.bypass now";
        assert!(matches!(&*old.warnings, [only] if only.starts_with(warning)), "{old:?}");
        let new = parse(&text("bypass")).unwrap();
        assert!(new.xdp.bypass && new.warnings.is_empty());
    }

    #[test]
    fn a_zone_has_its_own_share_or_the_usual_one() {
        let off = format!("{MINIMAL}[xdp]\nmode = \"off\"\n");
        let none = parse(&off).unwrap().shares();
        assert_eq!(none.of(b"\x01a\0"), None);
        let text = "[zones]\nshare = 7\n[zone.\"Pool.example.\"]\nshare = 1000\n[zone.b]\n";
        let shares = parse(&format!("{off}{text}")).unwrap().shares();
        assert_eq!(shares.of(b"\x04pool\x07example\0"), Some(1000));
        assert_eq!(shares.of(b"\x01b\0"), Some(7));
        assert!(refused(&format!("{off}[zone.b]\nshare = 0\n")).contains("nonzero"));
    }

    #[test]
    fn answers_and_cookies_are_as_configured() {
        let text = "public_debug_queries = true\nany = \"full\"\nversion = \"edge\"\nchaos_id = true\n\
                    [xdp]\nmode = \"off\"\n[cookies]\nsecrets = [\"new\", \"/old\"]\nenforce = true\n";
        let config = parse(&format!("{MINIMAL}{text}")).unwrap();
        assert!(config.dns.public_debug_queries && config.dns.chaos_id && config.cookies.enforce);
        assert_eq!((config.dns.any, &*config.dns.version), (AnyPolicy::Full, "edge"));
        assert_eq!(config.cookies.secrets, [Path::new("/etc/edge/new"), Path::new("/old")]);

        let config = parse(&format!("{MINIMAL}[xdp]\nmode = \"off\"\n")).unwrap();
        assert!(!config.dns.public_debug_queries && !config.dns.chaos_id);
        assert_eq!((config.dns.any, &*config.dns.version), (AnyPolicy::Minimal, ""));
        assert!(config.cookies.secrets.is_empty() && !config.cookies.enforce);

        let three = "[xdp]\nmode = \"off\"\n[cookies]\nsecrets = [\"a\", \"b\", \"c\"]\n";
        assert_eq!(
            refused(&format!("{MINIMAL}{three}")),
            "/etc/edge/edge.toml:6:1: cookies.secrets: at most two files: the new secret first, \
             then the one that is being retired"
        );

        let long = format!("{MINIMAL}version = \"{}\"\n", "x".repeat(256));
        assert!(refused(&long).starts_with("/etc/edge/edge.toml:3:11: a text has 255 octets"));
        let error = refused(&format!("{MINIMAL}any = \"all\"\n"));
        assert!(error.contains("unknown variant `all`, expected `minimal` or `full`"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let error = refused("[dns]\nlisten = [\"192.0.2.1\"]\nlissten = 1\n");
        assert!(error.starts_with("/etc/edge/edge.toml:3:1: unknown field `lissten`"), "{error}");
        let error = refused(&format!("{MINIMAL}[dsn]\n"));
        assert!(error.starts_with("/etc/edge/edge.toml:3:2: unknown field `dsn`"), "{error}");
    }

    #[test]
    fn addresses_that_cannot_be_served_are_refused() {
        for (address, word) in [
            ("192.0.2", "is not an address"),
            ("0.0.0.0", "can't be served"),
            ("ff02::1", "can't be served"),
            ("192.0.2.1:0", "can't be served"),
        ] {
            let error = refused(&format!("[dns]\nlisten = [\"{address}\"]\n"));
            assert!(error.starts_with("/etc/edge/edge.toml:2:10: "), "{error}");
            assert!(error.contains(word), "{error}");
        }
        assert!(refused("[dns]\nlisten = []\n").contains("at least one address"));
        assert!(refused("[dns]\nlisten = [\"::1\", \"[::1]:53\"]\n").contains("listed twice"));
        assert!(refused("").contains("missing field `dns`"));
    }

    #[test]
    fn the_query_log_is_off_until_it_has_a_path() {
        let config = parse(&format!("{MINIMAL}[xdp]\nmode = \"off\"\n")).unwrap();
        assert_eq!(config.log, Log::default());
        let text = "[log]\npath = \"q.log\"\nformat = \"avro\"\nsample = 8\nxdp_sample = 100\n\
                    max_size_mb = 7\nmax_age_seconds = 60\nkeep = 3\nhostname = \"a\"\n";
        let config = parse(&format!("{MINIMAL}[xdp]\nmode = \"off\"\n{text}")).unwrap();
        let eight = NonZeroU32::new(8).unwrap();
        let expect = Log {
            path: "/etc/edge/q.log".into(),
            format: LogFormat::Avro,
            sample: eight,
            xdp_sample: 100,
            max_size_mb: NonZeroU32::new(7),
            max_age_seconds: Some(60),
            keep: Some(3),
            hostname: "a".into(),
        };
        assert_eq!(config.log, expect);
        let off = format!("{MINIMAL}[xdp]\nmode = \"off\"\n");
        let error = refused(&format!("{off}[log]\nxdp_sample = 9\n"));
        assert!(error.starts_with("/etc/edge/edge.toml:6:1: log.xdp_sample: nothing"), "{error}");
        assert!(refused(&format!("{off}[log]\nsample = 0\n")).contains("nonzero"));
        assert!(refused(&format!("{off}[log]\nformat = \"csv\"\n")).contains("`json` or `avro`"));
    }

    #[test]
    fn every_switch_is_off_unless_configured_and_a_slip_in_a_zones_table_has_its_place() {
        let config = parse(&format!("{MINIMAL}[xdp]\nmode = \"off\"\n")).unwrap();
        assert_eq!(config.xdp.switches(), Switches::default());
        assert_eq!(config.zone.names().count(), 0);
        let text = "[xdp]\nmode = \"off\"\nreturn_path = \"fib\"\nrefuse_unknown = true\n\
                    bypass = true\ndry_run = true\n[zone.\"pool.example\"]\nxdp = false\n";
        let config = parse(&format!("{MINIMAL}{text}")).unwrap();
        let all = Switches {
            bypass: true,
            dry_run: true,
            refuse_unknown: true,
            return_path: ReturnPath::Fib,
        };
        assert_eq!(config.xdp.switches(), all);
        assert!(!config.zone.get(b"\x04pool\x07example\0").xdp);
        let error = refused(&format!("{MINIMAL}[xdp]\nreturn_path = \"route\"\n"));
        assert!(error.contains("expected `mirror` or `fib`"), "{error}");
        let error = refused(&format!("{MINIMAL}[zone.\"a.example\"]\nxpd = false\n"));
        assert!(error.starts_with("/etc/edge/edge.toml:4:1: unknown field `xpd`"), "{error}");
    }

    #[test]
    fn impossible_wishes_are_refused_with_a_way_out() {
        let error = refused(MINIMAL);
        assert!(error.contains("xdp.interfaces is empty"), "{error}");
        let error = refused(&format!("{MINIMAL}[xdp]\nmode=\"off\"\n[ntp]\nenabled = true\n"));
        assert_eq!(
            error,
            "/etc/edge/edge.toml:5:1: ntp.enabled: XDP answers NTP, and xdp.mode is \"off\"; set another mode, or leave \
             it to the daemon and set ntp.enabled = false"
        );
        let error = refused(&format!("{MINIMAL}[xdp]\nmode = \"fast\"\n"));
        assert!(error.contains("unknown variant `fast`, expected one of `auto`"), "{error}");
    }

    #[test]
    fn the_server_is_named_after_its_first_address_that_is_its_own() {
        let name = |listen: &str| {
            let text = format!("[dns]\nlisten = [{listen}]\n[xdp]\nmode = \"off\"\n");
            parse(&text).unwrap().dns.server_id
        };
        assert_eq!(name("\"127.0.0.1\", \"::1\", \"192.0.2.1\""), "::1");
        assert_eq!(name("\"127.0.0.1\""), super::host_name());
    }
}
