//! `[ntp]`: where time is served, and by which daemon's clock.
//!
//! It also sets what becomes of requests while nobody disciplines the clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::XdpMode;
use edge_tables::live::limits::NtpLimits;

/// The port of NTP.
const PORT: u16 = 123;
/// Seconds that a lease may have: at least time for two answers of the daemon to get lost, and few
/// enough that a client's next request finds out.
const LEASE: (u32, u32) = (3, 60);
/// Where chrony takes commands.
const CHRONY_SOCKET: &str = "/run/chrony/chronyd.sock";

/// The NTP service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ntp {
    /// Whether NTP is answered, by XDP; what passes is the daemon's.
    pub enabled: bool,
    /// Service addresses; those of DNS, at port 123, when empty.
    #[serde(deserialize_with = "listen")]
    pub listen: Vec<SocketAddr>,
    /// The daemon that disciplines this host's clock: a loopback address.
    #[serde(deserialize_with = "source")]
    pub source: SocketAddr,
    /// What becomes of requests while the clock isn't synchronised.
    pub unsynchronised: Unsynchronised,
    /// Seconds after the daemon's last good answer in which time is served, 3–60.
    #[serde(deserialize_with = "lease")]
    pub lease_seconds: u32,
    /// What becomes of control and private messages (modes 6 and 7).
    pub control: Foreign,
    /// What becomes of requests of those who are denied.
    pub deny: Denied,
    /// The program that reports what chrony knows of its clock, for people and metrics.
    #[serde(deserialize_with = "chronyc")]
    pub chronyc: Chronyc,
    /// chrony's socket of commands; without it nobody asks.
    #[serde(deserialize_with = "chrony_socket")]
    pub chrony_socket: PathBuf,
}

impl Default for Ntp {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: Vec::new(),
            source: (Ipv4Addr::LOCALHOST, PORT).into(),
            unsynchronised: Unsynchronised::default(),
            lease_seconds: 5,
            control: Foreign::default(),
            deny: Denied::default(),
            chronyc: Chronyc::default(),
            chrony_socket: CHRONY_SOCKET.into(),
        }
    }
}

impl Ntp {
    /// The service addresses; none unless NTP is answered.
    #[must_use]
    pub fn served(&self) -> &[SocketAddr] {
        if self.enabled { &self.listen } else { &[] }
    }

    /// Fills in the service addresses by those of DNS, and judges what can't be seen by one key
    /// alone.
    pub(super) fn complete(&mut self, dns: &[SocketAddr], xdp: XdpMode) -> Result<(), String> {
        if !self.enabled {
            return Ok(());
        }
        if xdp == XdpMode::Off {
            return Err("ntp.enabled: XDP answers NTP, and xdp.mode is \"off\"; set another mode, or leave it to the \
                 daemon and set ntp.enabled = false"
                .into());
        }
        if self.listen.is_empty() {
            for address in dns {
                let address = SocketAddr::new(address.ip(), PORT);
                if !self.listen.contains(&address) {
                    self.listen.push(address);
                }
            }
        }
        if let Some(both) = self.listen.iter().find(|address| dns.contains(address)) {
            return Err(format!(
                "ntp.listen: {both} is an address of dns.listen; name another address or port in one of them"
            ));
        }
        if self.listen.contains(&self.source) {
            return Err(format!(
                "ntp.source: {} is also an address where this node answers NTP by that daemon's time; name the \
                 service addresses in ntp.listen",
                self.source
            ));
        }
        Ok(())
    }
}

/// What becomes of requests while the clock isn't synchronised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsynchronised {
    /// They pass to the daemon, which replies itself that it is unsynchronised.
    #[default]
    Pass,
    /// They are answered with leap indicator 3 and stratum 0.
    Flag,
    /// They are dropped.
    Drop,
}

/// What becomes of messages that are not for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Foreign {
    /// They are dropped.
    #[default]
    Drop,
    /// They pass to the daemon.
    Pass,
}

/// What becomes of requests of those who are denied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Denied {
    /// They are dropped.
    #[default]
    Drop,
    /// They are answered with the kiss code DENY, no more often than others may ask.
    Kiss,
}

/// Whether chrony is asked of its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chronyc {
    /// By the `chronyc` of the path, if there is one.
    #[default]
    Auto,
    /// It isn't.
    Off,
    /// By this program.
    At(PathBuf),
}

impl Ntp {
    /// Looks whether the keys go together with the limits.
    pub(super) fn check(&self, limits: &NtpLimits) -> Result<(), String> {
        if self.deny == Denied::Kiss && limits.interval.is_none() {
            return Err("ntp.deny = \"kiss\" without limits.ntp.interval: a sender with a forged address could flood \
                        the owner of that address; give an interval, such as 3, or deny = \"drop\""
                .into());
        }
        Ok(())
    }
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SocketAddr>, D::Error> {
    super::addresses(from, PORT)
}

fn source<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    let source = super::address(&text, PORT).map_err(D::Error::custom)?;
    if !source.ip().is_loopback() {
        return Err(D::Error::custom(format!(
            "{source} is not a loopback address: only the daemon that disciplines this host's clock knows how exact it \
             is; write \"127.0.0.1\" or \"::1\", and let the daemon answer there"
        )));
    }
    Ok(source)
}

fn chronyc<'de, D: Deserializer<'de>>(from: D) -> Result<Chronyc, D::Error> {
    let text = String::deserialize(from)?;
    match &*text {
        "auto" => Ok(Chronyc::Auto),
        "off" => Ok(Chronyc::Off),
        path if Path::new(path).is_absolute() => Ok(Chronyc::At(path.into())),
        _ => Err(D::Error::custom(format!(
            "{text:?} is neither \"auto\" nor \"off\", nor an absolute path of the program"
        ))),
    }
}

fn chrony_socket<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(from)?;
    // chronyc takes a list, divided by commas.
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&b',') {
        let path = path.display();
        return Err(D::Error::custom(format!(
            "\"{path}\" is not an absolute path without commas; the usual one is \"{CHRONY_SOCKET}\""
        )));
    }
    Ok(path)
}

fn lease<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let seconds = i64::deserialize(from)?;
    let (least, most) = LEASE;
    let fitting = u32::try_from(seconds).ok().filter(|seconds| (least..=most).contains(seconds));
    fitting.ok_or_else(|| {
        D::Error::custom(format!(
            "{seconds} is not in {least} to {most}: the seconds that time is served after the daemon's last answer"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{CHRONY_SOCKET, Chronyc, Denied, Foreign, Ntp, Unsynchronised};
    use crate::settings::Config;
    use std::path::Path;

    fn parse(keys: &str) -> Result<Ntp, String> {
        let text = format!("[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \"off\"\n[ntp]\n{keys}");
        let config = Config::parse(&text, Path::new("edge.toml"));
        config.map(|config| config.ntp).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_has_a_default() {
        let ntp = parse("").unwrap();
        assert_eq!(ntp, Ntp::default());
        assert_eq!(ntp.source.to_string(), "127.0.0.1:123");
        assert_eq!((ntp.unsynchronised, ntp.control), (Unsynchronised::Pass, Foreign::Drop));
        assert_eq!((ntp.lease_seconds, ntp.deny), (5, Denied::Drop));
        assert_eq!((ntp.chronyc, ntp.chrony_socket), (Chronyc::Auto, CHRONY_SOCKET.into()));
    }

    #[test]
    fn every_key_is_taken_and_ports_are_those_of_ntp() {
        let keys = "listen = [\"192.0.2.7\", \"[2001:db8::7]:1123\"]\nsource = \"::1\"\n\
                    unsynchronised = \"flag\"\nlease_seconds = 60\ncontrol = \"pass\"\n";
        let ntp = parse(keys).unwrap();
        let listen: Vec<_> = ntp.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["192.0.2.7:123", "[2001:db8::7]:1123"]);
        assert_eq!(ntp.source.to_string(), "[::1]:123");
        assert_eq!((ntp.unsynchronised, ntp.control), (Unsynchronised::Flag, Foreign::Pass));
        assert_eq!(ntp.lease_seconds, 60);
        let drop = parse("unsynchronised = \"drop\"\nsource = \"127.0.0.1:1123\"\n").unwrap();
        assert_eq!(drop.unsynchronised, Unsynchronised::Drop);
        assert_eq!(drop.source.to_string(), "127.0.0.1:1123");
        let own = parse("chronyc = \"/opt/chronyc\"\nchrony_socket = \"/tmp/s\"\n").unwrap();
        let (program, socket) = (Chronyc::At("/opt/chronyc".into()), "/tmp/s".into());
        assert_eq!((own.chronyc, own.chrony_socket), (program, socket));
        assert_eq!(parse("chronyc = \"off\"\n").unwrap().chronyc, Chronyc::Off);
    }

    #[test]
    fn kisses_are_given_only_at_a_rate() {
        let ntp = parse("deny = \"kiss\"\n[limits.ntp]\ninterval = 3\n").unwrap();
        assert_eq!(ntp.deny, Denied::Kiss);
        let error = parse("deny = \"kiss\"\n").unwrap_err();
        assert!(error.starts_with("edge.toml:5:1: ntp.deny = \"kiss\" without"), "{error}");
        assert!(error.ends_with("or deny = \"drop\""), "{error}");
    }

    #[test]
    fn what_cant_be_is_refused_with_its_place_and_a_way_out() {
        for (keys, words) in [
            ("source = \"192.0.2.1\"", "192.0.2.1:123 is not a loopback address"),
            ("source = \"time\"", "\"time\" is not an address"),
            ("source = \"127.0.0.1:0\"", "can't be served"),
            ("lease_seconds = 2", "2 is not in 3 to 60"),
            ("lease_seconds = 61", "61 is not in 3 to 60"),
            ("lease_seconds = -3", "-3 is not in 3 to 60"),
            ("unsynchronised = \"lie\"", "expected one of `pass`, `flag`, `drop`"),
            ("deny = \"kill\"", "expected `drop` or `kiss`"),
            ("control = \"flag\"", "expected `drop` or `pass`"),
            (
                "chronyc = \"chronyc\"",
                "\"chronyc\" is neither \"auto\" nor \"off\", nor an absolute",
            ),
            ("chrony_socket = \"s\"", "\"s\" is not an absolute path"),
            ("chrony_socket = \"/a,127.0.0.2\"", "without commas"),
            ("sauce = \"::1\"", "unknown field `sauce`"),
        ] {
            let error = parse(&format!("{keys}\n")).unwrap_err();
            assert!(error.starts_with("edge.toml:6:"), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }

    /// With XDP on.
    fn serving(dns: &str, keys: &str) -> Result<Ntp, String> {
        let text = format!(
            "[dns]\nlisten = [{dns}]\n[xdp]\ninterfaces = [\"eth0\"]\n[ntp]\nenabled = true\n{keys}"
        );
        let config = Config::parse(&text, Path::new("edge.toml"));
        config.map(|config| config.ntp).map_err(|error| error.to_string())
    }

    #[test]
    fn ntp_is_served_where_dns_is_unless_it_has_addresses_of_its_own() {
        let listen = |ntp: Ntp| ntp.served().iter().map(ToString::to_string).collect::<Vec<_>>();
        let dns = "\"192.0.2.1\", \"192.0.2.1:5353\", \"2001:db8::1\"";
        assert_eq!(listen(serving(dns, "").unwrap()), ["192.0.2.1:123", "[2001:db8::1]:123"]);
        let own = serving(dns, "listen = [\"192.0.2.9\"]\n").unwrap();
        assert_eq!(listen(own), ["192.0.2.9:123"]);
        // Nothing is served where NTP isn't answered, whatever is configured.
        assert_eq!(listen(parse("listen = [\"192.0.2.9\"]\n").unwrap()), [""; 0]);
    }

    #[test]
    fn an_address_that_cant_distinguish_packets_is_refused() {
        for (dns, keys, words) in [
            ("\"192.0.2.1:123\"", "", "ntp.listen: 192.0.2.1:123 is an address of dns.listen"),
            (
                "\"192.0.2.1\"",
                "listen = [\"192.0.2.1:53\"]\n",
                "192.0.2.1:53 is an address of dns.listen; name another address or port",
            ),
            (
                "\"127.0.0.1\"",
                "",
                "ntp.source: 127.0.0.1:123 is also an address where this node answers NTP",
            ),
            ("\"192.0.2.1\"", "listen = [\"::1\"]\nsource = \"::1\"\n", "ntp.source: [::1]:123 is"),
        ] {
            let error = serving(dns, keys).unwrap_err();
            assert!(error.starts_with("edge.toml:5:1: "), "{error}");
            assert!(error.contains(words), "{error}");
        }
        let same = serving("\"127.0.0.1\"", "listen = [\"192.0.2.1\"]\n");
        assert!(same.is_ok(), "{same:?}");
    }
}
