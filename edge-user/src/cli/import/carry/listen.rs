//! The addresses that geodns binds, by its `-interface` and `-port`.

use std::net::{IpAddr, SocketAddr};

use super::super::flags::Flags;
use super::super::host::Host;
use super::ImportError;
use crate::settings::DNS_PORT;

/// The addresses, in geodns's order, each once.
pub(super) fn addresses(flags: &Flags, host: &Host) -> Result<Vec<SocketAddr>, ImportError> {
    let port = match flags.port.as_deref() {
        None => DNS_PORT,
        Some(text) => port(text).map_err(|reason| ImportError::Flag { flag: "port", reason })?,
    };
    let refused = |reason| ImportError::Flag { flag: "interface", reason };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for text in flags.interface.as_deref().unwrap_or("*").split(',').map(str::trim) {
        let (ips, port) = one(text, port, host).map_err(refused)?;
        for address in ips.into_iter().map(|ip| SocketAddr::new(ip, port)) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    if addresses.is_empty() {
        return Err(refused(
            "the host has no such address; name the addresses to serve".to_owned(),
        ));
    }
    Ok(addresses)
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("{text:?} is not a port"))
}

/// `*`, `ip`, `ip:port`, `[v6]`, `[v6]:port`; an unspecified address is all of its family, and the
/// IPv6 one all of both.
fn one(text: &str, port: u16, host: &Host) -> Result<(Vec<IpAddr>, u16), String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (ip, port) = match (bare, bare.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        ("*", ..) => return Ok((host.served().collect(), port)),
        (_, Ok(ip), _) => (ip, port),
        (_, _, Ok(address)) => (address.ip(), address.port()),
        _ => return Err(format!("{text:?} is not an address; name the addresses to serve")),
    };
    let ips = match ip {
        _ if !ip.is_unspecified() => vec![ip],
        IpAddr::V4(_) => host.served().filter(IpAddr::is_ipv4).collect(),
        IpAddr::V6(_) => host.served().collect(),
    };
    Ok((ips, port))
}
