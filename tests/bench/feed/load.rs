//! Queries at a steady pace, one after the other; every reply is read.
//!
//! Lost and wrong replies are counted, and how late each shows a server's coming and going.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use edge_feed::Server;
use edge_tests::frames::wire_name;
use edge_tests::message::rtype;
use edge_tests::netns::{CLIENTS, Rig};
use edge_tests::volunteers::{ORIGIN, vendor};
use fastrand::Rng;
use hickory_proto::op::Message;
use hickory_proto::rr::RData;

use super::scorer::{PROBED, is_in};

/// Queries a second.
pub(crate) const RATE: u32 = 2_000;
/// A query without a reply within this time is lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// Servers in an answer; every name that is asked for has more.
const ANSWERS: usize = 4;
/// A server that is still in an answer so long after it went is there too late.
const LATE: Duration = Duration::from_secs(1);
/// The client's address on the link.
const LINK: &str = "10.53.0.2";
/// Labels that are asked for besides those of clients' own areas.
const AREAS: [&str; 6] = ["de", "us", "uk", "fr", "europe", "asia"];

/// What is known of a server.
struct Known {
    zones: Vec<String>,
    is_in: bool,
    /// Since when.
    since: Instant,
    /// The first answer since then that has it, or the last if it is out.
    seen: Option<Instant>,
}

/// The servers as they ought to be.
pub(crate) struct World(Mutex<HashMap<IpAddr, Known>>);

impl World {
    pub(crate) fn new(servers: &[Server]) -> Self {
        let since = Instant::now();
        let known = servers.iter().map(|server| {
            let zones = server.zones.clone();
            (server.ip, Known { zones, is_in: is_in(server), since, seen: None })
        });
        Self(Mutex::new(known.collect()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server comes or goes now. Says after how long its last coming or going was seen, if it
    /// was; `None` if this is none.
    pub(crate) fn turn(&self, server: &Server) -> Option<Option<Duration>> {
        let mut all = self.lock();
        let known = all.get_mut(&server.ip)?;
        if known.is_in == is_in(server) {
            return None;
        }
        let seen = known.seen.map(|seen| seen - known.since);
        let seen = if known.is_in { seen } else { Some(seen.unwrap_or_default()) };
        (known.is_in, known.since, known.seen) = (is_in(server), Instant::now(), None);
        Some(seen)
    }
}

/// What became of the queries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub asked: u64,
    pub answered: u64,
    /// Replies that can't be, by what is wrong with them.
    pub wrong: BTreeMap<String, u64>,
    /// Addresses of servers that had gone more than a second ago.
    pub late: u64,
    /// The longest time for which a server was in answers after it went.
    pub latest: Duration,
}

/// A name to ask for, where its servers must be, and whether they are to have IPv6 addresses.
struct Question {
    message: Vec<u8>,
    area: String,
    six: bool,
}

/// Who asks.
struct Client {
    socket: UdpSocket,
    /// What the pool calls the country that it is in; empty for none.
    country: String,
}

/// The clients.
pub(crate) struct Load {
    clients: Vec<Client>,
    rng: Rng,
}

impl Load {
    /// One for each of the rig's addresses but that of the link, of which the database says
    /// something else.
    pub(crate) fn new(rig: &Rig) -> std::io::Result<Self> {
        let client = |(address, country): (&str, &str)| {
            let socket = rig.datagrams(address);
            socket.set_read_timeout(Some(PATIENCE))?;
            let country = if country == "GB" { "uk".to_owned() } else { country.to_lowercase() };
            Ok(Client { socket, country })
        };
        let clients = CLIENTS
            .into_iter()
            .filter(|(address, _)| *address != LINK)
            .map(client)
            .collect::<std::io::Result<_>>()?;
        Ok(Self { clients, rng: Rng::with_seed(5) })
    }

    /// Asks until it has to stop.
    pub(crate) fn run(&mut self, world: &World, stop: &AtomicBool) -> std::io::Result<Seen> {
        let mut seen = Seen::default();
        let begun = Instant::now();
        let mut reply = [0; 2048];
        while !stop.load(Ordering::Relaxed) {
            let due = begun + Duration::from_secs(1).mul_f64(seen.asked as f64 / f64::from(RATE));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let client = self.rng.usize(..self.clients.len());
            let Some(client) = self.clients.get(client) else { break };
            let question = question(&client.country, &mut self.rng);
            client.socket.send(&question.message)?;
            seen.asked += 1;
            // A reply that comes too late is somebody else's by its number.
            while let Ok(octets) = client.socket.recv(&mut reply) {
                let octets = reply.get(..octets).unwrap_or_default();
                if octets.get(..2) != question.message.get(..2) {
                    continue;
                }
                seen.answered += 1;
                if let Err(what) = read(octets, &question, world, &mut seen) {
                    *seen.wrong.entry(what).or_default() += 1;
                }
                break;
            }
        }
        Ok(seen)
    }
}

/// Something that somebody in a country asks for.
fn question(country: &str, rng: &mut Rng) -> Question {
    let own = if country.is_empty() { "@" } else { country };
    let number = rng.u8(..4);
    let (label, area) = match rng.u8(..8) {
        0 | 1 => (PROBED.to_owned(), PROBED),
        2 => (String::new(), own),
        3 => (number.to_string(), own),
        4 => {
            let area = rng.choice(AREAS).unwrap_or_default();
            (format!("{number}.{area}"), area)
        }
        _ => (format!("{number}.{}", vendor(5 * rng.usize(..60) + rng.usize(..4))), own),
    };
    let six = label.starts_with('2') && rng.bool();
    let dot = if label.is_empty() { "" } else { "." };
    let mut message = rng.u16(..).to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(wire_name(&format!("{label}{dot}{ORIGIN}")));
    message.extend(if six { rtype::AAAA } else { rtype::A }.to_be_bytes());
    message.extend([0, 1]);
    Question { message, area: area.to_owned(), six }
}

/// Reads a reply; an error says what is wrong with it.
fn read(reply: &[u8], question: &Question, world: &World, seen: &mut Seen) -> Result<(), String> {
    let now = Instant::now();
    let message = Message::from_vec(reply).map_err(|cause| format!("no message: {cause}"))?;
    let asked = question.message.get(12..).unwrap_or_default();
    if reply.get(12..12 + asked.len()) != Some(asked) {
        return Err("another question".into());
    }
    if reply.get(2..4).is_none_or(|flags| flags != [0x85, 0]) {
        return Err(format!("flags {:02x?}", reply.get(2..4)));
    }
    let addresses: Vec<IpAddr> = message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        })
        .collect();
    let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
    if (addresses.len(), distinct.len(), message.answers.len()) != (ANSWERS, ANSWERS, ANSWERS) {
        return Err(format!("{} answers for {}", message.answers.len(), question.area));
    }
    let mut all = world.lock();
    for address in addresses {
        let known = all.get_mut(&address).ok_or("an address that no server has")?;
        if !known.zones.contains(&question.area) || address.is_ipv6() != question.six {
            return Err(format!("a server of {:?} for {}", known.zones, question.area));
        }
        // A change may come while a query is under way.
        if known.is_in {
            known.seen = known.seen.or(Some(now));
        } else {
            let age = now.saturating_duration_since(known.since);
            known.seen = Some(now);
            seen.latest = seen.latest.max(age);
            seen.late += u64::from(age > LATE);
        }
    }
    Ok(())
}
