//! An authority over the whole [`space`] that replies without any socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use edge_authority::{Asked, Current, Options, Serving, Shared, Worker};
use edge_tables::publish::NoKernel;
use edge_tables::store::Store;
use edge_zone::geo::GeoLocator;

use crate::engine::grant_lease;
use crate::fixture::server_for;
use crate::message::{Reply, flag};
use crate::space;

/// Who asks, by number; the last is on the host itself.
const CLIENTS: [&str; 6] =
    ["192.0.2.10", "198.51.100.7", "198.18.0.1", "2001:db8:de::7", "2400::1", "127.0.0.1"];

/// One worker of an authority.
pub struct Served {
    worker: Worker,
}

impl Default for Served {
    fn default() -> Self {
        Self::new()
    }
}

impl Served {
    /// Over all zones, with the engine in front of the slow path.
    #[must_use]
    pub fn new() -> Self {
        let store = Store::in_memory();
        drop(space::publisher(&store, Box::new(NoKernel)));
        grant_lease(&store);
        let databases = Arc::new(space::databases());
        let locator = GeoLocator { databases, ..GeoLocator::default() };
        let serving = Serving::new(space::zones().into_iter().map(Arc::new), Arc::new(locator));
        let current = Arc::new(Current::new(serving));
        let options = Arc::new(Options::new("tests"));
        let (counters, observer) = (Arc::default(), Arc::new(()));
        let shared = Shared { store, current, options, counters, observer };
        Self { worker: Worker::new(shared) }
    }

    /// Asks as one of some clients; `None` is no reply.
    ///
    /// # Panics
    /// When the reply isn't one to this message, or too long for where it goes.
    pub fn ask(&mut self, who: u8, stream: bool, message: &[u8]) -> Option<Reply> {
        const LONGEST: usize = 65_535;
        let message = &message[..message.len().min(LONGEST)];
        let client: IpAddr = CLIENTS[usize::from(who) % CLIENTS.len()].parse().expect("an address");
        let asked =
            Asked { client: SocketAddr::new(client, 4000), server: server_for(client), stream };
        let mut buffer = vec![0xa5; Worker::ROOM];
        buffer.extend_from_slice(message);
        let octets = self.worker.answer(&mut buffer, message.len(), &asked)?;
        assert!(octets.len() <= if stream { LONGEST } else { 1232 }, "{} octets", octets.len());
        let reply = Reply::read(octets).unwrap_or_else(|fault| panic!("{fault}: {octets:x?}"));
        assert!(reply.has(flag::QR) && Some(reply.id.to_be_bytes().as_slice()) == message.get(..2));
        Some(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::Served;
    use crate::message::{Ask, rcode, rtype};

    #[test]
    fn a_question_is_answered_and_nonsense_is_not() {
        let mut served = Served::new();
        let message = Ask::new("www.geo.example", rtype::A).octets();
        let reply = served.ask(0, false, &message).expect("a reply");
        assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
        assert!(served.ask(0, true, &message[..11]).is_none());
    }
}
