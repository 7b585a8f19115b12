//! The table of services: the addresses and ports that are served.
//!
//! Each has a slot of its own, so a packet looks in one slot only.

use std::collections::HashMap;
use std::net::SocketAddr;

use edge_common::abi::{Service, maps};
use edge_common::service;

use super::{Publisher, Unfit};

impl Publisher {
    /// Sets the addresses and ports at which DNS is served. Call it once, before the first
    /// publication.
    ///
    /// # Errors
    /// When there are so many that two would need the same slot.
    pub fn serve(&mut self, listen: &[SocketAddr]) -> Result<(), Unfit> {
        self.serve_both(listen, &[])
    }

    /// As [`Self::serve`], with the addresses and ports `time` at which NTP is served.
    ///
    /// # Errors
    /// As there, or when DNS and NTP are served at the same address and port.
    pub fn serve_both(&mut self, listen: &[SocketAddr], time: &[SocketAddr]) -> Result<(), Unfit> {
        let roles = [(listen, Service::DNS), (time, Service::NTP)];
        let keys: Vec<_> = roles
            .into_iter()
            .flat_map(|(addresses, role)| addresses.iter().map(move |address| (address, role)))
            .map(|(address, role)| (words_of(address), address.port(), role))
            .collect();
        for _ in 0..100_000 {
            let seed = self.slots.rng.u64(..);
            let mut slots = HashMap::new();
            for (address, port, role) in &keys {
                slots.insert(service::slot(seed, *address, *port), (*address, *port, *role));
            }
            if slots.len() == keys.len() {
                self.slots.store.services.clear(0, maps::SERVICE_SLOTS);
                for (slot, (address, port, role)) in slots {
                    let service = Service { address, port: port.into(), role };
                    self.slots.store.services.write(slot, &[service]);
                }
                let control = self.slots.store.control;
                let firsts = [SocketAddr::is_ipv4, SocketAddr::is_ipv6]
                    .map(|is| listen.iter().find(|a| is(a)));
                for (family, address) in firsts.into_iter().enumerate() {
                    let Some(address) = address else { continue };
                    let (port, role) = (address.port().into(), Service::DNS);
                    let service = Service { address: words_of(address), port, role };
                    control.set_first_service(family, &service);
                }
                control.set_service_seed(seed);
                return Ok(());
            }
        }
        Err(Unfit::Full("services"))
    }
}

/// An address as the served-address table has it.
fn words_of(address: &SocketAddr) -> [u64; 2] {
    match address {
        SocketAddr::V4(v4) => service::mapped(u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            let octets = v6.ip().octets();
            let (words, _) = octets.as_chunks::<8>();
            let mut both = words.iter().map(|word| u64::from_ne_bytes(*word));
            [both.next().unwrap_or_default(), both.next().unwrap_or_default()]
        }
    }
}
