//! Large answers: TC over UDP, everything over TCP.
//!
//! RFC 2181 §9, RFC 6891 §6.2.5, RFC 7766.

use edge_tests::message::rtype::{A, TXT};
use edge_tests::message::{Ask, flag, rcode};
use edge_tests::stage::Asker;

behaviours! {
    both: [names_in_answers_are_compressed],
    udp: [
        without_edns_an_answer_has_at_most_512_octets,
        a_size_below_512_counts_as_512,
        an_answer_within_the_clients_size_is_whole,
        an_answer_never_has_more_than_1232_octets,
        a_truncated_answer_keeps_question_flags_and_opt,
        many_addresses_are_truncated_too,
    ],
    tcp: [over_tcp_every_answer_is_whole],
}

fn texts(octets: usize) -> Ask {
    Ask::new(&format!("s{octets}.size.example"), TXT)
}

/// Insists on a whole answer of so many records, or on a truncated one, within a size.
fn within(on: &Asker, ask: &Ask, size: usize, records: Option<usize>) {
    let reply = on.ask(ask);
    assert!(reply.octets.len() <= size, "{} octets: {reply:?}", reply.octets.len());
    assert_eq!(reply.has(flag::TC), records.is_none(), "{reply:?}");
    if let Some(records) = records {
        assert_eq!(reply.answers.len(), records);
    }
}

fn without_edns_an_answer_has_at_most_512_octets(on: &Asker) {
    within(on, &texts(400), 512, Some(2));
    within(on, &texts(600), 512, None);
    within(on, &texts(1400), 512, None);
}

fn a_size_below_512_counts_as_512(on: &Asker) {
    for size in [0, 1, 511] {
        within(on, &texts(400).edns(size), 512, Some(2));
        within(on, &texts(600).edns(size), 512, None);
    }
}

fn an_answer_within_the_clients_size_is_whole(on: &Asker) {
    within(on, &texts(600).edns(700), 700, Some(3));
    within(on, &texts(600).edns(1232), 1232, Some(3));
    within(on, &texts(600).edns(600), 600, None);
}

fn an_answer_never_has_more_than_1232_octets(on: &Asker) {
    for size in [1232, 1500, 4096, 65_535] {
        within(on, &texts(1400).edns(size), 1232, None);
    }
}

fn a_truncated_answer_keeps_question_flags_and_opt(on: &Asker) {
    let reply = on.ask(&texts(1400).edns(1232).flags(flag::RD | flag::CD));
    let wanted = flag::QR | flag::AA | flag::TC | flag::RD | flag::CD;
    assert_eq!((reply.flags, reply.rcode), (wanted, rcode::NOERROR));
    assert_eq!(reply.question, texts(1400).octets()[12..]);
    assert!(reply.opt.is_some());
}

fn many_addresses_are_truncated_too(on: &Asker) {
    let ask = Ask::new("many.size.example", A);
    within(on, &ask, 512, None);
    within(on, &ask.edns(1232), 1232, Some(50));
}

fn over_tcp_every_answer_is_whole(on: &Asker) {
    for (octets, records) in [(400, 2), (600, 3), (1400, 7)] {
        for ask in [texts(octets), texts(octets).edns(512), texts(octets).edns(1232)] {
            let reply = on.ask(&ask);
            assert!(!reply.has(flag::TC));
            assert_eq!(reply.answers.len(), records);
        }
    }
    assert_eq!(on.get("many.size.example", A).answers.len(), 50);
}

fn names_in_answers_are_compressed(on: &Asker) {
    let ask = Ask::new("www.geo.example", A);
    // The question again, and for the record: pointer, type, class, TTL, length, address.
    assert_eq!(on.ask(&ask).octets.len(), ask.octets().len() + 16);
}
