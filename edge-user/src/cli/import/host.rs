//! The host's addresses, default routes and databases, as geodns finds them.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use nix::ifaddrs::getifaddrs;

/// Where geodns looks for databases; the first that exists counts.
pub(super) const GEOIP: [&str; 5] = [
    "/usr/share/GeoIP/",
    "/usr/share/local/GeoIP/",
    "/usr/local/share/GeoIP/",
    "/opt/local/share/GeoIP/",
    "/opt/homebrew/var/GeoIP",
];

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub interface: String,
    /// The address.
    pub ip: IpAddr,
}

/// What a host has.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The interfaces' addresses, interface by interface, as geodns binds them.
    pub addresses: Vec<Address>,
    /// The interfaces that a default route leads out of.
    pub ways_out: BTreeSet<String>,
    /// The directory of databases that geodns would find.
    pub geoip: Option<String>,
}

impl Host {
    /// This one.
    ///
    /// # Errors
    /// When the system doesn't give its addresses.
    pub fn look() -> io::Result<Self> {
        let mut addresses = Vec::new();
        for at in getifaddrs()? {
            let Some(address) = at.address else { continue };
            let four = address.as_sockaddr_in().map(|four| IpAddr::from(four.ip()));
            let six = address.as_sockaddr_in6().map(|six| IpAddr::from(six.ip()));
            if let Some(ip) = four.or(six) {
                addresses.push(Address { interface: at.interface_name, ip });
            }
        }
        // The system gives all of a family first.
        let mut order: Vec<String> = Vec::new();
        for at in &addresses {
            if !order.contains(&at.interface) {
                order.push(at.interface.clone());
            }
        }
        addresses.sort_by_key(|at| order.iter().position(|name| *name == at.interface));
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let ways_out = ways_out(&read("/proc/net/route"), &read("/proc/net/ipv6_route"));
        let geoip = GEOIP.into_iter().find(|path| Path::new(path).is_dir()).map(str::to_owned);
        Ok(Self { addresses, ways_out, geoip })
    }

    /// What geodns binds for `*`: every loopback or global unicast address.
    pub(super) fn served(&self) -> impl Iterator<Item = IpAddr> {
        let mut seen = BTreeSet::new();
        let ips = self.addresses.iter().map(|at| at.ip).filter(|ip| is_served(*ip));
        ips.filter(move |ip| seen.insert(*ip))
    }

    /// Where queries to `served` come in: of the interfaces that have one of the addresses those
    /// with a default route, or all if none has; if only lo has them, those with a default route.
    pub(super) fn ways_in(&self, served: &[IpAddr]) -> BTreeSet<&str> {
        let outward = self.addresses.iter().filter(|at| !at.ip.is_loopback());
        let holders: BTreeSet<&str> = outward
            .filter(|at| at.interface != "lo" && served.contains(&at.ip))
            .map(|at| at.interface.as_str())
            .collect();
        let with_route: BTreeSet<&str> =
            holders.iter().copied().filter(|name| self.ways_out.contains(*name)).collect();
        let is_outward = served.iter().any(|ip| !ip.is_loopback());
        match (with_route.is_empty(), holders.is_empty()) {
            (false, _) => with_route,
            (true, false) => holders,
            (true, true) if is_outward => self.ways_out.iter().map(String::as_str).collect(),
            (true, true) => BTreeSet::new(),
        }
    }
}

/// Go's `IsGlobalUnicast`, or loopback: all but link-local, multicast, broadcast and unspecified.
fn is_served(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let special = ip.is_link_local() || ip.is_multicast() || ip.is_unspecified();
            !special && ip != Ipv4Addr::BROADCAST
        }
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_multicast() && !ip.is_unspecified(),
    }
}

/// The interfaces of default routes, of `/proc/net/route` and `/proc/net/ipv6_route`.
fn ways_out(four: &str, six: &str) -> BTreeSet<String> {
    let four = four.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, "00000000", ..] = fields.as_slice() else { return None };
        (fields.get(7) == Some(&"00000000")).then_some(*interface)
    });
    let six = six.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, "00", ..] = fields.as_slice() else { return None };
        let interface = *fields.last()?;
        (destination.bytes().all(|octet| octet == b'0') && interface != "lo").then_some(interface)
    });
    four.chain(six).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Address, Host, ways_out};
    use std::net::IpAddr;

    fn host(ways_out: &[&str]) -> Host {
        let addresses = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("lo", "198.51.100.53"),
            ("eth0", "192.0.2.1"),
            ("eth0", "fe80::1"),
            ("docker0", "172.17.0.1"),
            ("docker0", "192.0.2.1"),
        ];
        let addresses = addresses
            .map(|(name, ip)| Address { interface: name.to_owned(), ip: ip.parse().unwrap() });
        let ways_out = ways_out.iter().map(|name| (*name).to_owned()).collect();
        Host { addresses: addresses.to_vec(), ways_out, geoip: None }
    }

    #[test]
    fn every_address_but_link_local_ones_is_served_once() {
        let served: Vec<String> = host(&[]).served().map(|ip| ip.to_string()).collect();
        assert_eq!(served, ["127.0.0.1", "::1", "198.51.100.53", "192.0.2.1", "172.17.0.1"]);
    }

    #[test]
    fn queries_come_in_where_the_way_out_is() {
        let ways_in = |ways_out: &[&str], served: &str| {
            let host = host(ways_out);
            let served: Vec<IpAddr> = served.split(' ').map(|ip| ip.parse().unwrap()).collect();
            host.ways_in(&served).into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ways_in(&["eth0"], "192.0.2.1 172.17.0.1"), "eth0");
        assert_eq!(ways_in(&[], "172.17.0.1"), "docker0");
        assert_eq!(ways_in(&["eth0"], "198.51.100.53"), "eth0");
        assert_eq!(ways_in(&["eth0"], "127.0.0.1"), "");
        assert_eq!(ways_in(&[], "198.51.100.53"), "");
    }

    #[test]
    fn default_routes_of_both_families_are_found() {
        let four = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
                    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth1\t00000000\t010200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n";
        let zeros = "0".repeat(32);
        let route = |prefix: &str, name: &str| {
            format!(
                "{zeros} {prefix} {zeros} 00 {zeros} 00000400 00000001 00000000 00000003     {name}\n"
            )
        };
        let six = [route("00", "eth2"), route("40", "eth3"), route("00", "lo")].concat();
        let found: Vec<_> = ways_out(four, &six).into_iter().collect();
        assert_eq!(found, ["eth0", "eth2"]);
        assert!(ways_out("", "").is_empty());
    }

    #[test]
    fn this_host_has_a_loopback_address() {
        let host = Host::look().unwrap();
        assert!(host.served().any(|ip| ip.is_loopback()), "{host:?}");
    }
}
