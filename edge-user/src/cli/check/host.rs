//! What the host has of what a configuration names: interfaces, addresses.
//!
//! All are warnings: a node serves without them, and takes them when they come.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;

use edge_kernel::{Interface, Mode};

use crate::settings::{Config, XdpMode};

/// Looks at this host; a line for each thing that it doesn't have.
pub(super) fn look(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.xdp.mode != XdpMode::Off {
        match edge_kernel::interfaces() {
            // Where a node answers, the program is its own.
            Ok(all) => {
                let has_node = UnixStream::connect(&config.control.socket).is_ok();
                warnings.extend(interfaces(config, &all, has_node));
            }
            Err(cause) => warnings.push(format!("xdp.interfaces can't be looked for: {cause}")),
        }
    }
    match edge_kernel::addresses() {
        Ok(all) => warnings.extend(addresses(config, &all)),
        Err(cause) => warnings.push(format!("dns.listen can't be looked for: {cause}")),
    }
    warnings
}

fn interfaces(config: &Config, all: &[Interface], has_node: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    for name in &config.xdp.interfaces {
        let Some(found) = all.iter().find(|it| it.is_called(name)) else {
            let mut names: Vec<&str> = all.iter().map(|it| &*it.name).collect();
            names.sort_by_key(|other| strsim::osa_distance(name, other));
            names.truncate(5);
            warnings.push(format!(
                "xdp.interfaces: this host has no {name} (it has {}, …); XDP is attached when it \
                 comes",
                names.join(", ")
            ));
            continue;
        };
        if !found.is_up {
            warnings.push(format!(
                "xdp.interfaces: {name} is down, so no query arrives by it; \
                 `ip link set {name} up`"
            ));
        }
        if let Some((id, mode)) = found.program.filter(|_| !has_node) {
            let mode = match mode {
                Mode::Native => "native",
                Mode::Generic => "generic",
            };
            warnings.push(format!(
                "xdp.interfaces: {name} has the XDP program {id} in {mode} mode, and no node \
                 answers at {}: unless `edge` left it, it keeps XDP from being attached; \
                 `bpftool prog show id {id}` names it",
                config.control.socket.display()
            ));
        }
    }
    warnings
}

fn addresses(config: &Config, all: &[IpAddr]) -> Vec<String> {
    let dns = config.dns.listen.iter().map(|address| ("dns.listen", address));
    let ntp = config.ntp.served().iter().map(|address| ("ntp.listen", address));
    let missing = |address: &SocketAddr| {
        let ip = address.ip();
        !ip.is_loopback() && !all.contains(&ip)
    };
    let lines = dns.chain(ntp).filter(|(_, address)| missing(address)).map(|(key, address)| {
        let way_out = match config.dns.freebind {
            true => "it is answered when an interface gets it",
            false => "the node doesn't start until an interface has it (dns.freebind)",
        };
        format!("{key}: this host doesn't have the address {}; {way_out}", address.ip())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::path::Path;

    use edge_kernel::{Interface, Mode};

    use super::{addresses, interfaces};
    use crate::settings::Config;

    fn config() -> Config {
        let text = "[dns]\nlisten = [\"192.0.2.1\", \"127.0.0.2\", \"2001:db8::1\"]\n\
                    [xdp]\ninterfaces = [\"eth0\", \"wan\"]\n[ntp]\nenabled = true\n";
        Config::parse(text, Path::new("/etc/edge/edge.toml")).unwrap()
    }

    fn interface(name: &str, is_up: bool, program: Option<(u32, Mode)>) -> Interface {
        Interface { name: name.into(), is_up, program, ..Interface::default() }
    }

    #[test]
    fn an_interface_that_is_missing_down_or_taken_is_a_warning() {
        let config = config();
        let mut wan = interface("enp3s0", true, None);
        wan.other_names.push("wan".into());
        let well = [interface("eth0", true, None), wan.clone()];
        assert_eq!(interfaces(&config, &well, false), [""; 0]);
        let missing = interfaces(&config, &[interface("eth1", true, None), wan.clone()], false);
        assert!(missing.len() == 1 && missing[0].contains("no eth0 (it has eth1, "), "{missing:?}");
        let taken = [interface("eth0", false, Some((17, Mode::Generic))), wan];
        let found = interfaces(&config, &taken, false);
        assert!(found.len() == 2 && found[0].contains("eth0 is down"), "{found:?}");
        assert!(found[1].contains("the XDP program 17 in generic mode"), "{found:?}");
        // A node that answers has attached it.
        assert_eq!(interfaces(&config, &taken, true).len(), 1);
    }

    #[test]
    fn an_address_that_no_interface_has_is_a_warning_for_each_service() {
        let config = config();
        let all: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let found = addresses(&config, &all);
        assert!(found.iter().all(|line| line.contains("the address 2001:db8::1; it is answered")));
        let keys: Vec<_> = found.iter().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(keys, ["dns.listen", "ntp.listen"], "{found:?}");
    }
}
