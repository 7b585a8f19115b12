//! The header's bits and counts, and messages that aren't plain queries.

use edge_tests::message::rtype::{A, SOA};
use edge_tests::message::{Ask, Reply, flag, rcode};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        an_answer_is_an_authoritative_response_without_recursion,
        rd_and_cd_come_back,
        what_else_a_query_sets_is_ignored,
        every_id_comes_back,
        a_response_is_not_answered,
        other_opcodes_are_not_implemented,
        not_one_question_is_a_format_error,
        too_many_records_in_a_query_are_a_format_error,
        what_cannot_be_parsed_is_a_format_error,
        octets_behind_the_message_are_ignored,
        records_in_the_query_are_ignored,
    ],
    udp: [less_than_a_header_is_not_answered],
}

fn www() -> Ask {
    Ask::new("www.geo.example", A)
}

/// Insists on a bare header.
fn bare(reply: &Reply, code: u16) {
    assert_eq!((reply.rcode, reply.octets.len()), (code, 12), "{reply:?}");
    assert_eq!(reply.octets[4..], [0; 8], "no section: {reply:?}");
    assert!(!reply.has(flag::AA) && !reply.has(flag::TC) && !reply.has(flag::RA));
}

fn an_answer_is_an_authoritative_response_without_recursion(on: &Asker) {
    let reply = on.ask(&www().flags(0));
    assert_eq!(reply.flags, flag::QR | flag::AA);
    let missing = on.ask(&Ask::new("nobody.geo.example", A).flags(0));
    assert_eq!(missing.flags, flag::QR | flag::AA | rcode::NXDOMAIN);
    let refused = on.ask(&Ask::new("example.net", A).flags(0));
    assert_eq!(refused.flags, flag::QR | rcode::REFUSED);
}

fn rd_and_cd_come_back(on: &Asker) {
    for flags in [flag::RD, flag::CD, flag::RD | flag::CD] {
        for name in ["www.geo.example", "nobody.geo.example", "stays.geo.example", "example.net"] {
            let reply = on.ask(&Ask::new(name, A).flags(flags));
            assert_eq!(reply.flags & (flag::RD | flag::CD), flags, "{name}");
        }
    }
}

fn what_else_a_query_sets_is_ignored(on: &Asker) {
    for flags in [flag::AA, flag::TC, flag::RA, flag::Z, flag::AD, 3, 15] {
        let reply = on.ask(&www().flags(flags));
        assert_eq!(reply.flags, flag::QR | flag::AA, "{flags:#x}");
        assert_eq!(reply.data(), ["10.49.1.1"]);
    }
}

fn every_id_comes_back(on: &Asker) {
    let mut line = on.line();
    for id in [0, 1, 0xff, 0x100, 0x8000, 0xffff] {
        assert_eq!(line.ask(&Ask { id, ..www() }).id, id);
    }
}

fn a_response_is_not_answered(on: &Asker) {
    let good = Ask { id: 1, ..www() };
    on.is_silent(&www().flags(flag::QR).octets(), &good);
    on.is_silent(&www().flags(flag::QR | 4 << 11).octets(), &good);
    // RFC 1035 §7.3; not even malformed ones.
    on.is_silent(&Ask { counts: [0, 0, 0, 0], ..www().flags(flag::QR) }.octets(), &good);
}

fn other_opcodes_are_not_implemented(on: &Asker) {
    // IQUERY, STATUS, UPDATE, DSO and unassigned ones.
    for opcode in [1, 2, 3, 5, 6, 7, 15] {
        let reply = on.ask(&www().flags(opcode << 11 | flag::RD));
        bare(&reply, rcode::NOTIMP);
        assert_eq!(reply.flags >> 11 & 0xf, opcode, "the opcode comes back");
        assert!(reply.has(flag::RD));
    }
}

fn not_one_question_is_a_format_error(on: &Asker) {
    bare(&on.ask(&Ask { counts: [0, 0, 0, 0], ..www() }), rcode::FORMERR);
    let mut second = Ask::new("stays.geo.example", SOA).octets();
    let two = Ask { counts: [2, 0, 0, 0], records: second.split_off(12), ..www() };
    bare(&on.ask(&two), rcode::FORMERR);
    bare(&on.ask(&Ask { counts: [0xffff, 0, 0, 0], ..www() }), rcode::FORMERR);
}

/// An A record at the question's name, `n` times.
fn records(n: usize) -> Vec<u8> {
    b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01".repeat(n)
}

fn too_many_records_in_a_query_are_a_format_error(on: &Asker) {
    for (counts, n) in [([1, 2, 0, 0], 2), ([1, 0, 2, 0], 2), ([1, 0, 0, 3], 3)] {
        let reply = on.ask(&Ask { counts, records: records(n), ..www() });
        bare(&reply, rcode::FORMERR);
    }
}

fn what_cannot_be_parsed_is_a_format_error(on: &Asker) {
    let whole = www().octets();
    let mut line = on.line();
    // A name that ends with the message, a pointer, a label type without meaning, a missing type.
    let tails: [&[u8]; 6] = [
        b"",
        b"\x03www",
        b"\xc0\x0c\0\x01\0\x01",
        b"\x80\0\0\x01\0\x01",
        b"\x01a\0\0\x01",
        b"\x3fa",
    ];
    for tail in tails {
        let mut message = whole[..12].to_vec();
        message.extend(tail);
        line.send(&message);
        let octets = line.receive().expect("a reply");
        bare(&Reply::read(&octets).expect("a header"), rcode::FORMERR);
    }
    let long = Ask::new(&"a.".repeat(128), A);
    bare(&on.ask(&long), rcode::FORMERR);
    // Records that are announced and don't come.
    for counts in [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]] {
        bare(&on.ask(&Ask { counts, ..www() }), rcode::FORMERR);
    }
    let short = Ask { counts: [1, 0, 0, 1], records: records(1)[..15].to_vec(), ..www() };
    bare(&on.ask(&short), rcode::FORMERR);
}

fn octets_behind_the_message_are_ignored(on: &Asker) {
    for junk in [&b"x"[..], &[0; 100]] {
        let reply = on.ask(&Ask { junk: junk.to_vec(), ..www() });
        assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
        let reply = on.ask(&Ask { junk: junk.to_vec(), ..www().edns(1232) });
        assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
    }
}

fn records_in_the_query_are_ignored(on: &Asker) {
    for counts in [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]] {
        let reply = on.ask(&Ask { counts, records: records(1), ..www() });
        assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
        assert!(reply.opt.is_none());
    }
}

fn less_than_a_header_is_not_answered(on: &Asker) {
    let whole = www().octets();
    for octets in [0, 1, 2, 11] {
        on.is_silent(&whole[..octets], &Ask { id: 7, ..www() });
    }
}
