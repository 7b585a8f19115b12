//! An independent reader of replies.
//!
//! A reply is parsed by hickory-proto and by hand, and compared with what the zone's author would
//! expect.

use std::collections::BTreeSet;
use std::net::IpAddr;

use edge_zone::{Soa, Zone};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::fixture::A;
use crate::frames::{Query, open_reply, wire_name};

/// What ought to come back.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Some of these addresses, each at most once.
    Addresses {
        /// The addresses that may come.
        from: Vec<IpAddr>,
        /// How many have to.
        n: usize,
        /// Seconds.
        ttl: u32,
    },
    /// No record, and this zone's SOA.
    Nodata {
        /// The zone's name.
        apex: String,
        /// Its SOA.
        soa: Box<Soa>,
    },
}

impl Reply {
    /// NODATA of a zone.
    #[must_use]
    pub fn nodata(zone: &Zone) -> Self {
        Self::Nodata { apex: text(&zone.apex), soa: Box::new(zone.soa()) }
    }
}

/// A name without the dot at its end.
fn text(name: &impl ToString) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}

/// Reads the reply to a query; gives the addresses in the order of the answer.
///
/// # Panics
/// When anything of it is wrong.
#[must_use]
pub fn read(query: &Query, frame: &[u8], expect: &Reply) -> Vec<IpAddr> {
    let octets = open_reply(query, frame).expect("a reply");
    let question = wire_name(&query.name).len() + 4;
    assert_eq!(octets[..2], query.id.to_be_bytes(), "ID");
    // QR and AA; RD and CD as asked (RFC 1035 §4.1.1, RFC 4035 §3.2.2).
    assert_eq!(octets[2..4], (0x8400 | query.flags & 0x0110).to_be_bytes(), "flags");
    assert_eq!(octets[12..12 + question], query.message()[12..12 + question], "question");

    let message = Message::from_vec(&octets).expect("a message");
    let metadata = &message.metadata;
    assert_eq!(metadata.message_type, MessageType::Response);
    assert_eq!(metadata.op_code, OpCode::Query);
    assert_eq!(metadata.response_code, ResponseCode::NoError);
    assert!(metadata.authoritative && !metadata.truncation && !metadata.recursion_available);
    assert!(!metadata.authentic_data);
    assert_eq!(message.queries.len(), 1);
    assert_eq!(message.additionals, [], "OPT apart");
    let opt = read_opt(query, &message);
    let owner = message.queries.first().expect("one").name();
    let records = match expect {
        Reply::Addresses { from, n, ttl } => {
            assert_eq!(message.authorities, []);
            let addresses = read_addresses(query, owner, &message.answers, *ttl);
            assert_eq!(addresses.len(), *n, "{addresses:?}");
            let distinct: BTreeSet<_> = addresses.iter().collect();
            assert_eq!(distinct.len(), *n, "{addresses:?}");
            assert!(addresses.iter().all(|address| from.contains(address)), "{addresses:?}");
            let octets = if query.rtype == A { 16 } else { 28 };
            (addresses, n * octets)
        }
        Reply::Nodata { apex, soa } => {
            assert_eq!(message.answers, []);
            let [record] = &message.authorities[..] else { panic!("{:?}", message.authorities) };
            read_soa(record, apex, soa);
            let names = soa.mname.wire().len() + soa.rname.wire().len();
            (Vec::new(), 2 + 10 + names + 20)
        }
    };
    assert_eq!(octets.len(), 12 + question + records.1 + opt, "octets behind the message");
    records.0
}

/// Compares the OPT record; gives its octets.
fn read_opt(query: &Query, message: &Message) -> usize {
    let Some(asked) = &query.opt else {
        assert!(message.edns.is_none());
        return 0;
    };
    let edns = message.edns.as_ref().expect("an OPT record");
    assert_eq!((edns.max_payload(), edns.version(), edns.rcode_high()), (1232, 0, 0));
    assert_eq!(edns.flags().dnssec_ok, asked[7] & 0x80 != 0, "DO");
    assert_eq!(edns.flags().z, 0);
    assert!(edns.options().as_ref().is_empty());
    11
}

fn read_addresses(query: &Query, owner: &Name, records: &[Record], ttl: u32) -> Vec<IpAddr> {
    let rtype = if query.rtype == A { RecordType::A } else { RecordType::AAAA };
    let read = |record: &Record| {
        assert!(record.name.eq_case(owner), "{} {owner}", record.name);
        assert_eq!(record.record_type(), rtype);
        assert_eq!(record.dns_class, DNSClass::IN);
        assert_eq!(record.ttl, ttl);
        record.data.ip_addr().expect("an address")
    };
    records.iter().map(read).collect()
}

fn read_soa(record: &Record, apex: &str, soa: &Soa) {
    assert!(text(&record.name).eq_ignore_ascii_case(apex), "{} {apex}", record.name);
    assert_eq!(record.dns_class, DNSClass::IN);
    assert_eq!(record.ttl, soa.ttl);
    let RData::SOA(data) = &record.data else { panic!("{record:?}") };
    assert_eq!(text(&data.mname), text(&soa.mname));
    assert_eq!(text(&data.rname), text(&soa.rname));
    let signed = |seconds: u32| i32::try_from(seconds).expect("days");
    assert_eq!(
        (data.serial, data.refresh, data.retry, data.expire, data.minimum),
        (soa.serial, signed(soa.refresh), signed(soa.retry), signed(soa.expire), soa.minimum)
    );
}
