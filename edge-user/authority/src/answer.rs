//! The slow path: it answers a message from the zones.
//!
//! It answers everything that the tables don't hold or that the engine passes. It refuses messages
//! that aren't queries, names in no zone of ours, zone transfers, and classes other than IN.

use edge_common::wire::dns::CLASS_IN;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RecordType};

use super::asked::Asked;
use super::chaos;
use super::client::Client;
use super::closest::{Spot, UNKNOWN};
use super::message::{self, Query, Refusal};
use super::options::Options;
use super::pick::Picker;
use super::query_context::QueryContext;
use super::reply::{Closing, Reply, bare_header};
use super::serving::{Served, Serving};
use super::special;
use edge_zone::AnyPolicy;
use edge_zone::name::MAX_NAME_OCTETS;
use edge_zone::rdata::{
    ANY_HINFO, apex_pointer, soa_data, write_mx, write_name, write_soa, write_srv, write_text,
};
use edge_zone::record::Record;
use edge_zone::{Found, Label, RecordKind, Records, Rules, Zone, ZoneCut, find_where, split_into};

/// Answers messages; keeps its memory from answer to answer.
pub struct Answerer {
    picker: Picker,
    distances: Vec<f64>,
    /// The name asked for, relative to its zone.
    label: String,
    apex_octets: u8,
}

impl Answerer {
    /// An answerer that draws records by `random`.
    #[must_use]
    pub fn new(random: fastrand::Rng) -> Self {
        let (picker, distances) = (Picker::new(random), Vec::new());
        Self { picker, distances, label: String::new(), apex_octets: 0 }
    }

    /// Octets of the apex (wire format) of the zone that the last answer was from; 0 if it was from
    /// none.
    pub(super) const fn apex_octets(&self) -> u8 {
        self.apex_octets
    }

    /// Writes the response to `message` into `out`, and returns its RCODE. The content of `out` is
    /// replaced. `None`: no response.
    pub fn answer(
        &mut self,
        serving: &Serving,
        options: &Options,
        message: &[u8],
        asked: &Asked,
        out: &mut Vec<u8>,
    ) -> Option<ResponseCode> {
        self.apex_octets = 0;
        let query = match message::read(message) {
            Ok(query) => query,
            Err(Refusal::Silence) => return None,
            Err(Refusal::Header(metadata, code)) => {
                bare_header(out, &metadata, code);
                return Some(code);
            }
        };
        let edns = query.edns.as_ref();
        let cookie = edns.filter(|edns| edns.version == 0).and_then(|edns| edns.cookie.as_ref());
        let ruling = cookie.and_then(|cookie| options.cookies.rule(cookie, asked.client.ip()));
        if query.question.is_empty() && ruling.is_none() {
            bare_header(out, &query.metadata, ResponseCode::FormErr);
            return Some(ResponseCode::FormErr);
        }
        let mut reply = Reply::new(out, &query, asked.limit(edns));
        let mut closing = Closing {
            code: ResponseCode::Refused,
            authoritative: false,
            nsid: options.nsid(),
            scope: 0,
            cookie: cookie.zip(ruling).map(|(cookie, ruling)| (cookie.client, ruling.server)),
            stream: asked.stream,
        };
        let is_bad = ruling.is_some_and(|ruling| !ruling.is_good);
        if edns.is_some_and(|edns| edns.is_malformed) {
            closing.code = ResponseCode::FormErr;
        } else if edns.is_some_and(|edns| edns.version != 0) {
            closing.code = ResponseCode::BADVERS;
        } else if query.question.is_empty() {
            // It is about the cookie alone (RFC 7873 §5.4). A client without one gets one.
            let is_new = cookie.is_some_and(|cookie| cookie.server_octets == 0);
            closing.code =
                if is_bad && !is_new { ResponseCode::BADCOOKIE } else { ResponseCode::NoError };
        } else if is_bad && options.cookies.enforces() && !asked.stream {
            closing.code = ResponseCode::BADCOOKIE;
        } else if chaos::answer(&query, options, &mut reply) {
            (closing.code, closing.authoritative) = (ResponseCode::NoError, true);
        } else {
            let mut folded = [0; MAX_NAME_OCTETS];
            if let Some(served) = find_zone(serving, &query, &mut folded) {
                let context = QueryContext { serving, served, options, asked, query: &query };
                let mut label = std::mem::take(&mut self.label);
                // The name is in the zone, or the zone wouldn't have been found.
                (closing.code, closing.scope) =
                    match split_into(&served.zone, query.name, &mut label) {
                        Some(()) => self.serve(&context, &label, &mut reply),
                        None => (ResponseCode::ServFail, 0),
                    };
                self.label = label;
                // An answer about class ANY speaks for classes that we don't have (RFC 1035 §6.2).
                closing.authoritative = query.class == CLASS_IN;
            }
        }
        let code = closing.code;
        reply.finish(&query, &closing);
        Some(code)
    }

    /// Answers for `label` of a zone; returns RCODE and scope.
    fn serve(
        &mut self,
        context: &QueryContext<'_>,
        label: &str,
        reply: &mut Reply<'_>,
    ) -> (ResponseCode, u8) {
        let QueryContext { serving, served, query, asked, .. } = *context;
        let zone = &*served.zone;
        self.apex_octets = u8::try_from(zone.apex.wire().len()).unwrap_or_default();
        let subnet = query.edns.as_ref().and_then(|edns| edns.subnet.as_ref());
        let client = Client::new(serving, zone, asked.client.ip(), subnet);
        let found = find_where(zone, label, &client.targets, query.rtype, context);
        let near = match found {
            Found::Records { label, .. } | Found::Any { label } => label.closest,
            Found::NoData | Found::NxDomain => false,
        };
        // The SOA record is the apex's own, and everyone's.
        let own = matches!(found, Found::Records { kind: RecordKind::Soa, .. });
        let is_scoped = subnet.is_some() && !own && served.varies(label);
        let scope = if is_scoped { client.scope(serving, zone, near) } else { 0 };
        let mut code = ResponseCode::NoError;
        match found {
            Found::Records { label, kind } => {
                self.records(context, &client, label, kind, reply);
                return (code, scope);
            }
            Found::Any { label } if context.options.any == AnyPolicy::Full => {
                for kind in RecordKind::ALL {
                    if label.has_kind(kind) {
                        self.records(context, &client, label, kind, reply);
                    }
                }
                return (code, scope);
            }
            Found::Any { .. } => {
                reply.answer(RecordType::HINFO.into(), zone.ttl, |out| {
                    out.extend_from_slice(ANY_HINFO);
                });
                return (code, scope);
            }
            Found::NoData => {}
            Found::NxDomain => match special::find(label, context.options, asked) {
                Some(special) => {
                    self.apex_octets = 0;
                    if special::answer(special, context, &client, reply) {
                        return (code, special::scope(special, subnet));
                    }
                }
                None => code = ResponseCode::NXDomain,
            },
        }
        reply.soa(&served.soa, apex_pointer(zone, query.name.len()));
        (code, scope)
    }

    /// Selects from the records of `kind` at `label` and writes them.
    fn records(
        &mut self,
        context: &QueryContext<'_>,
        client: &Client,
        label: &Label,
        kind: RecordKind,
        reply: &mut Reply<'_>,
    ) {
        let zone = &*context.served.zone;
        let mut hand = RecordSet { answerer: self, context, client, zone, label, kind };
        match label.records(kind) {
            Records::None => {}
            Records::A(records) => {
                hand.deal(records, reply, |ip, out| out.extend_from_slice(&ip.octets()));
            }
            Records::Aaaa(records) => {
                hand.deal(records, reply, |ip, out| out.extend_from_slice(&ip.octets()));
            }
            Records::Ns(records) | Records::Cname(records) | Records::Ptr(records) => {
                hand.deal(records, reply, write_name);
            }
            Records::Mx(records) => hand.deal(records, reply, write_mx),
            Records::Srv(records) => hand.deal(records, reply, write_srv),
            Records::Txt(records) | Records::Spf(records) => {
                hand.deal(records, reply, |text, out| write_text(text, out));
            }
            Records::Wire(records) => {
                hand.deal(records, reply, |data, out| out.extend_from_slice(data));
            }
            Records::Soa => {
                let soa = &context.served.soa;
                // The record's TTL is that of negative answers, too, and its data begin behind its
                // length.
                reply.answer(kind.number(), zone.ttl_of(label, kind), |out| {
                    write_soa(soa_data(soa), out);
                });
            }
        }
    }
}

impl Rules for QueryContext<'_> {
    fn yields(&self, label: &Label, kind: RecordKind) -> bool {
        label.yields(kind)
    }

    fn cut(&self, label: &str) -> Option<ZoneCut> {
        self.served.cut(label)
    }

    fn is_reserved(&self, label: &str) -> bool {
        special::find(label, self.options, self.asked).is_some()
    }
}

/// A set of records to select from.
struct RecordSet<'a> {
    answerer: &'a mut Answerer,
    context: &'a QueryContext<'a>,
    client: &'a Client,
    zone: &'a Zone,
    label: &'a Label,
    kind: RecordKind,
}

impl RecordSet<'_> {
    fn deal<T>(
        &mut self,
        records: &[Record<T>],
        reply: &mut Reply<'_>,
        write: impl Fn(&T, &mut Vec<u8>),
    ) {
        let most = if self.kind == RecordKind::Cname { 1 } else { self.label.max_hosts };
        let Answerer { picker, distances, .. } = &mut *self.answerer;
        let is_near = self.label.closest && most < records.len();
        let spot = if is_near { self.client.spot() } else { None };
        let distances = spot.and_then(|spot| {
            let servers = self.context.served.spots(self.label, self.kind);
            measure(spot, servers, distances).then_some(distances.as_slice())
        });
        let ttl = self.zone.ttl_of(self.label, self.kind);
        for &at in picker.pick(records, most, distances) {
            if let Some(record) = records.get(at) {
                reply.answer(self.kind.number(), ttl, |out| write(&record.data, out));
            }
        }
    }
}

/// The servers' distances from the client; false if there are no servers with places.
fn measure(client: Spot, servers: &[Option<Spot>], distances: &mut Vec<f64>) -> bool {
    distances.clear();
    distances
        .extend(servers.iter().map(|server| server.map_or(UNKNOWN, |spot| client.distance(spot))));
    !distances.is_empty()
}

/// The zone that answers a query. `None` is refused: no zone, another class, a zone transfer.
fn find_zone<'s>(
    serving: &'s Serving,
    query: &Query<'_>,
    folded: &mut [u8; MAX_NAME_OCTETS],
) -> Option<&'s Served> {
    let rtype = RecordType::from(query.rtype);
    let is_transfer = matches!(rtype, RecordType::AXFR | RecordType::IXFR);
    let is_internet = query.class == CLASS_IN || query.class == u16::from(DNSClass::ANY);
    if is_transfer || !is_internet {
        return None;
    }
    let folded = folded.get_mut(..query.name.len())?;
    folded.copy_from_slice(query.name);
    folded.make_ascii_lowercase();
    serving.find(folded, rtype == RecordType::DS)
}
