//! What is answered by policy: ANY, zone transfers, NOTIFY, UPDATE, CHAOS.

use edge_tests::message::rtype::{A, ANY, AXFR, HINFO, IXFR, SOA, TXT};
use edge_tests::message::{Ask, CH, flag, rcode};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        any_is_one_hinfo_record,
        any_at_an_unknown_name_is_nxdomain,
        zone_transfers_are_refused,
        notify_is_not_implemented,
        update_is_not_implemented,
        chaos_tells_nothing_unless_configured,
    ],
}

fn any_is_one_hinfo_record(on: &Asker) {
    for name in ["geo.example", "www.geo.example", "text.geo.example", "tree.geo.example"] {
        let reply = on.get(name, ANY);
        assert_eq!(reply.rcode, rcode::NOERROR, "{name}");
        if name != "tree.geo.example" {
            assert_eq!(reply.data(), ["\"RFC8482\" \"\""], "{name}");
            assert_eq!(reply.answers[0].rtype, HINFO);
        }
    }
}

fn any_at_an_unknown_name_is_nxdomain(on: &Asker) {
    let reply = on.get("nobody.geo.example", ANY);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NXDOMAIN, 0));
}

fn zone_transfers_are_refused(on: &Asker) {
    for kind in [AXFR, IXFR] {
        for name in ["geo.example", "www.geo.example", "example.net"] {
            let reply = on.get(name, kind);
            assert_eq!((reply.rcode, reply.answers.len()), (rcode::REFUSED, 0), "{name} {kind}");
            assert!(reply.authorities.is_empty());
        }
    }
}

fn notify_is_not_implemented(on: &Asker) {
    let reply = on.ask(&Ask::new("geo.example", SOA).flags(4 << 11 | flag::AA));
    assert_eq!((reply.rcode, reply.octets.len()), (rcode::NOTIMP, 12));
    assert_eq!(reply.flags >> 11 & 0xf, 4);
}

fn update_is_not_implemented(on: &Asker) {
    // RFC 2136 §2.3: the question is the zone; two records to add.
    let records = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01".repeat(2);
    let update = Ask { counts: [1, 0, 2, 0], records, ..Ask::new("geo.example", SOA) };
    assert_eq!(on.ask(&update.flags(5 << 11)).rcode, rcode::NOTIMP);
}

fn chaos_tells_nothing_unless_configured(on: &Asker) {
    for name in ["version.bind", "id.server", "hostname.bind", "version.server", "authors.bind"] {
        for kind in [TXT, A, ANY] {
            let reply = on.ask(&Ask::new(name, kind).class(CH));
            assert_eq!((reply.rcode, reply.answers.len()), (rcode::REFUSED, 0), "{name} {kind}");
        }
    }
}
