//! `[ntp]`: where time is served, who disciplines the clock, and what is done when nobody does.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::XdpMode;

/// The port of NTP.
const PORT: u16 = 123;
/// Seconds that a lease may have: at least time for two answers of the daemon to get lost, and few enough that a
/// client's next request finds out.
const LEASE: (u32, u32) = (3, 60);

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
    /// Seconds after the daemon's last good answer in which time is told, 3–60.
    #[serde(deserialize_with = "lease")]
    pub lease_seconds: u32,
    /// What becomes of control and private messages (modes 6 and 7).
    pub control: Foreign,
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
        }
    }
}

impl Ntp {
    /// The service addresses; none unless NTP is answered.
    #[must_use]
    pub fn served(&self) -> &[SocketAddr] {
        if self.enabled { &self.listen } else { &[] }
    }

    /// Fills in the service addresses by those of DNS, and judges what can't be seen by one key alone.
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
                "ntp.source: {} is an address that NTP is answered at, by what the daemon there says; name the \
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
    /// They pass to the daemon, which says so itself.
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

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SocketAddr>, D::Error> {
    super::addresses(from, PORT)
}

fn source<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    let source = super::address(&text, PORT).map_err(D::Error::custom)?;
    if !source.ip().is_loopback() {
        return Err(D::Error::custom(format!(
            "{source} is no loopback address: only the daemon that disciplines this host's clock can say how right it \
             is; write \"127.0.0.1\" or \"::1\", and let the daemon answer there"
        )));
    }
    Ok(source)
}

fn lease<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let seconds = i64::deserialize(from)?;
    let (least, most) = LEASE;
    let fitting = u32::try_from(seconds).ok().filter(|seconds| (least..=most).contains(seconds));
    fitting.ok_or_else(|| {
        D::Error::custom(format!(
            "{seconds} is not in {least} to {most}: the seconds that time is told after the daemon's last answer"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{Foreign, Ntp, Unsynchronised};
    use crate::config::Config;
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
        assert_eq!(ntp.lease_seconds, 5);
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
    }

    #[test]
    fn what_cant_be_is_refused_with_its_place_and_a_way_out() {
        for (keys, words) in [
            ("source = \"192.0.2.1\"", "192.0.2.1:123 is no loopback address"),
            ("source = \"time\"", "\"time\" is not an address"),
            ("source = \"127.0.0.1:0\"", "can't be served"),
            ("lease_seconds = 2", "2 is not in 3 to 60"),
            ("lease_seconds = 61", "61 is not in 3 to 60"),
            ("lease_seconds = -3", "-3 is not in 3 to 60"),
            ("unsynchronised = \"lie\"", "expected one of `pass`, `flag`, `drop`"),
            ("control = \"flag\"", "expected `drop` or `pass`"),
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
    fn what_no_packet_could_be_told_apart_by_is_refused() {
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
                "ntp.source: 127.0.0.1:123 is an address that NTP is answered at",
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
