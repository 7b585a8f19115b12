//! EDNS (RFC 6891): OPT, versions, sizes, DO, NSID, cookies, unknown options.

use edge_tests::message::rtype::{A, AAAA, TXT};
use edge_tests::message::{Ask, Opt, OptAsked, Reply, flag, option, rcode, subnet};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        an_opt_record_comes_only_to_one,
        our_own_size_is_advertised,
        do_comes_back_and_nothing_else,
        every_kind_of_reply_has_the_opt_record,
        other_versions_are_badvers_with_the_question,
        two_opt_records_are_a_format_error,
        an_opt_record_that_is_not_the_roots_is_a_format_error,
        options_beyond_their_record_are_a_format_error,
        nsid_is_told_when_asked_for,
        a_cookie_comes_back_with_the_clients_or_not_at_all,
        options_that_nobody_knows_are_left_out,
        an_extended_rcode_in_a_query_is_ignored,
        options_are_taken_in_any_order,
        the_opt_record_may_stand_before_or_behind_another,
        an_unknown_version_is_said_before_anything_else,
    ],
}

const DO: u16 = 0x8000;

fn www() -> Ask {
    Ask::new("www.geo.example", A)
}

fn opt(reply: &Reply) -> &Opt {
    reply.opt.as_ref().unwrap_or_else(|| panic!("no OPT record: {reply:?}"))
}

fn an_opt_record_comes_only_to_one(on: &Asker) {
    assert!(on.ask(&www()).opt.is_none());
    let reply = on.ask(&www().edns(1232));
    assert_eq!((opt(&reply).version, opt(&reply).options.len()), (0, 0));
    assert_eq!(reply.data(), ["10.49.1.1"]);
}

fn our_own_size_is_advertised(on: &Asker) {
    for size in [0, 511, 512, 1232, 4096, 65_535] {
        for name in ["www.geo.example", "text.geo.example", "nobody.geo.example"] {
            assert_eq!(opt(&on.ask(&Ask::new(name, A).edns(size))).size, 1232, "{name} {size}");
        }
    }
}

fn do_comes_back_and_nothing_else(on: &Asker) {
    for (asked, told) in [(0, 0), (DO, DO), (0xffff, DO), (0x7fff, 0)] {
        for name in ["www.geo.example", "nobody.geo.example", "example.net"] {
            let ask = Ask::new(name, A).opt(OptAsked { flags: asked, ..OptAsked::default() });
            assert_eq!(opt(&on.ask(&ask)).flags, told, "{name} {asked:#x}");
        }
    }
}

fn every_kind_of_reply_has_the_opt_record(on: &Asker) {
    for (name, kind, code) in [
        ("www.geo.example", AAAA, rcode::NOERROR),
        ("text.geo.example", A, rcode::NOERROR),
        ("stays.geo.example", TXT, rcode::NOERROR),
        ("nobody.geo.example", A, rcode::NXDOMAIN),
        ("example.net", A, rcode::REFUSED),
    ] {
        let reply = on.ask(&Ask::new(name, kind).edns(1232));
        assert_eq!((reply.rcode, opt(&reply).size), (code, 1232), "{name}");
    }
}

fn other_versions_are_badvers_with_the_question(on: &Asker) {
    for version in [1, 2, 255] {
        let ask = www().opt(OptAsked { version, flags: DO, ..OptAsked::default() });
        let reply = on.ask(&ask);
        assert_eq!(reply.rcode, rcode::BADVERS);
        assert!(!reply.question.is_empty() && reply.answers.is_empty(), "{reply:?}");
        assert_eq!((opt(&reply).version, opt(&reply).size), (0, 1232));
    }
}

/// Insists on a format error, about which nothing but OPT and question may come.
fn format_error(reply: &Reply) {
    assert_eq!(reply.rcode, rcode::FORMERR, "{reply:?}");
    assert_eq!((reply.answers.len(), reply.authorities.len()), (0, 0), "{reply:?}");
}

fn two_opt_records_are_a_format_error(on: &Asker) {
    format_error(&on.ask(&www().edns(1232).edns(1232)));
    format_error(&on.ask(&www().edns(1232).subnet("192.0.2.0/24").edns(4096)));
}

fn an_opt_record_that_is_not_the_roots_is_a_format_error(on: &Asker) {
    // RFC 6891 §6.1.2: the owner must be the root.
    let records = b"\xc0\x0c\0\x29\x10\0\0\0\0\0\0\0".to_vec();
    format_error(&on.ask(&Ask { counts: [1, 0, 0, 1], records, ..www() }));
}

fn options_beyond_their_record_are_a_format_error(on: &Asker) {
    for junk in [&b"\0"[..], b"\0\x03\0", b"\0\x03\0\x01", b"\xfd\xe9\xff\xff12"] {
        let ask = www().opt(OptAsked { junk: junk.to_vec(), ..OptAsked::default() });
        format_error(&on.ask(&ask));
    }
}

fn nsid_is_told_when_asked_for(on: &Asker) {
    let id = on.stage().server_id().as_bytes();
    for name in ["www.geo.example", "nobody.geo.example", "example.net"] {
        let reply = on.ask(&Ask::new(name, A).option(option::NSID, b""));
        assert_eq!(opt(&reply).option(option::NSID), Some(id), "{name}");
    }
    assert!(opt(&on.ask(&www().edns(1232))).options.is_empty());
}

fn a_cookie_comes_back_with_the_clients_or_not_at_all(on: &Asker) {
    let mine = b"8 octets";
    let reply = on.ask(&www().option(option::COOKIE, mine));
    assert_eq!(reply.data(), ["10.49.1.1"]);
    if let Some(cookie) = opt(&reply).option(option::COOKIE) {
        // RFC 7873 §5.2.3: the client's and 8 to 32 of the server's.
        assert!(cookie.starts_with(mine) && (16..=40).contains(&cookie.len()), "{cookie:?}");
        let again = on.ask(&www().option(option::COOKIE, cookie));
        assert_eq!(again.data(), ["10.49.1.1"], "a good cookie is good");
    }
}

fn options_that_nobody_knows_are_left_out(on: &Asker) {
    let ask = www().option(option::PADDING, &[0; 20]).option(11, b"").option(65_001, b"x");
    let reply = on.ask(&ask);
    assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
    assert!(opt(&reply).option(65_001).is_none());
    // RFC 7828 §3.2.1: over TCP a server may say for how long a connection may be idle.
    let keepalive = opt(&reply).option(11);
    assert!(keepalive.is_none_or(|time| !on.is_udp() && time.len() == 2), "{reply:?}");
}

fn an_extended_rcode_in_a_query_is_ignored(on: &Asker) {
    let reply = on.ask(&www().opt(OptAsked { extended: 255, ..OptAsked::default() }));
    assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
}

fn options_are_taken_in_any_order(on: &Asker) {
    let place = subnet("192.0.2.0/24");
    let options: [(u16, &[u8]); 4] = [
        (option::NSID, b""),
        (option::SUBNET, &place),
        (option::PADDING, &[0; 7]),
        (65_001, b"unknown"),
    ];
    for turn in 0..options.len() {
        let mut turned = options;
        turned.rotate_left(turn);
        for _ in 0..2 {
            let reply = on.ask(&www().opt(OptAsked::with(&turned)));
            assert_eq!(reply.data(), ["10.49.1.1"], "{turned:?}");
            let told = opt(&reply);
            assert_eq!(told.option(option::NSID), Some(on.stage().server_id().as_bytes()));
            let scoped = told.option(option::SUBNET).expect("the subnet comes back");
            assert_eq!((&scoped[..3], &scoped[4..]), (&place[..3], &place[4..]));
            turned.reverse();
        }
    }
}

fn the_opt_record_may_stand_before_or_behind_another(on: &Asker) {
    // RFC 6891 §6.1.1: anywhere in the additional section. The others: TXT records of the root and
    // of the question.
    for other in
        [&b"\0\0\x10\0\x01\0\0\0\0\0\x02\x01x"[..], b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x02\x01x"]
    {
        for asked in [www().edns(1232).before(other), www().edns(1232).after(other)] {
            let reply = on.ask(&asked);
            assert_eq!((reply.data(), opt(&reply).size), (vec!["10.49.1.1"], 1232));
        }
    }
}

fn an_unknown_version_is_said_before_anything_else(on: &Asker) {
    // Its options aren't read: half of one is no format error.
    let version = || OptAsked { version: 3, junk: vec![0, 8, 0], ..OptAsked::default() };
    for name in ["www.geo.example", "nobody.geo.example", "_country.geo.example", "example.net"] {
        let reply = on.ask(&Ask::new(name, TXT).opt(version()));
        assert_eq!((reply.rcode, opt(&reply).options.len()), (rcode::BADVERS, 0), "{name}");
        assert!(reply.answers.is_empty() && reply.authorities.is_empty(), "{reply:?}");
        assert!(!reply.has(flag::AA), "{reply:?}");
    }
}
