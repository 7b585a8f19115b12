//! The rows about OPT records and their options.

use std::net::IpAddr;

use edge_common::verdict::Verdict;

use super::{Rows, a, ask};
use crate::cases::Case;
use crate::controls::{Controls, SECRETS, server_cookie};
use crate::message::{Ask, OptAsked, option, rtype, subnet};

/// An additional record that isn't OPT: TXT of the root.
const OTHER: &[u8] = b"\0\0\x10\0\x01\0\0\0\0\0\x02\x01x";
/// The same, owned by the question's name.
const POINTING: &[u8] = b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x02\x01x";
/// The same with a name of its own.
const NAMED: &[u8] = b"\x01a\x02bc\0\0\x10\0\x01\0\0\0\0\0\x02\x01x";
/// A client's part of a cookie.
const CLIENT: [u8; 8] = *b"a client";

const ANSWER: &str = "NOERROR AA, 4 A";

fn www() -> Ask {
    a("www.pool.example")
}

fn with(options: &[(u16, &[u8])]) -> Ask {
    www().opt(OptAsked::with(options))
}

pub(super) fn rows(rows: &mut Rows) {
    shapes(rows);
    malformed(rows);
    places(rows);
    versions(rows);
    orders(rows);
}

/// Sizes, flags, and options one by one.
fn shapes(rows: &mut Rows) {
    for size in [0, 1, 511, 512, 513, 1231, 1232, 1233, 4096, 65_535] {
        let nsid = www().edns(size).option(option::NSID, &[]);
        let words = format!("{ANSWER}, EDNS, nsid tests");
        rows.says(&format!("NSID, size {size}"), &nsid, Verdict::Answer, &words);
    }
    for (flags, edns) in
        [(0x8000, "EDNS DO"), (0xffff, "EDNS DO"), (0x7fff, "EDNS"), (1, "EDNS"), (0x4000, "EDNS")]
    {
        let opt = OptAsked { flags, ..OptAsked::with(&[(option::PADDING, &[0; 5])]) };
        let words = format!("{ANSWER}, {edns}");
        rows.says(&format!("padding, flags {flags:04x}"), &www().opt(opt), Verdict::Answer, &words);
    }
    let extended = OptAsked { extended: 0xff, ..OptAsked::with(&[(option::NSID, b"x")]) };
    let words = format!("{ANSWER}, EDNS, nsid tests");
    rows.says("NSID that says something", &www().opt(extended), Verdict::Answer, &words);
    for (what, code, data) in [
        ("padding of none", option::PADDING, &[][..]),
        ("padding of 300 octets", option::PADDING, &[0; 300]),
        ("padding of other octets", option::PADDING, &[0xff; 7]),
        ("keepalive", option::KEEPALIVE, &[]),
        ("keepalive with a time", option::KEEPALIVE, &[0, 100]),
        ("expire", 9, &[]),
        ("chain", 13, &[0]),
        ("key tag", 14, &[1, 2]),
        ("extended error", 15, &[0, 1]),
        ("option 0", 0, &[]),
        ("option 65001", 65_001, &[1, 2, 3]),
        ("option 65535", 65_535, &[8; 100]),
        ("option 0x0308", 0x0308, &[1]),
        ("option 0x0a00", 0x0a00, &[0; 8]),
    ] {
        let words = format!("{ANSWER}, EDNS");
        rows.says(what, &with(&[(code, data)]), Verdict::Answer, &words);
        let words = "NOERROR AA, SOA of pool.example., EDNS";
        let nodata = ask("www.pool.example", rtype::AAAA).opt(OptAsked::with(&[(code, data)]));
        rows.says(&format!("{what}, AAAA"), &nodata, Verdict::Nodata, words);
    }
    let words = format!("{ANSWER}, EDNS, nsid tests");
    rows.says("NSID twice", &with(&[(3, &[]), (3, &[])]), Verdict::Answer, &words);
    let many: Vec<(u16, &[u8])> = (0..40).map(|n| (65_000 + n, &[][..])).collect();
    rows.either("forty options", &with(&many));
    rows.either("forty options and NSID", &with(&[many, vec![(3, &[][..])]].concat()));
}

/// What is FORMERR, and so the authority's.
fn malformed(rows: &mut Rows) {
    let edns = [Verdict::Edns];
    let long_mapped = [&[0, 2, 129, 0][..], &[0; 17]].concat();
    for (what, data) in [
        ("of nothing", &[][..]),
        ("of three octets", &[0, 1, 0]),
        ("with too few octets", &[0, 1, 24, 0, 192, 0]),
        ("with too many octets", &[0, 1, 24, 0, 192, 0, 2, 0]),
        ("with an octet for none", &[0, 1, 0, 0, 0]),
        ("with bits past /24", &[0, 1, 23, 0, 192, 0, 3]),
        ("with bits past /1", &[0, 1, 1, 0, 0xc0]),
        ("with bits past /31", &[0, 1, 31, 0, 192, 0, 2, 1]),
        ("with bits past /33 of IPv6", &[0, 2, 33, 0, 0x20, 1, 0xd, 0xb8, 0x40]),
        ("longer than an IPv4 address", &[0, 1, 33, 0, 192, 0, 2, 1, 0]),
        ("longer than an IPv6 address", &long_mapped),
        ("of family 3", &[0, 3, 0, 0]),
        ("of family 256", &[1, 0, 0, 0]),
        ("of family 257", &[1, 1, 24, 0, 192, 0, 2]),
        ("of no family with an address", &[0, 0, 8, 0, 1]),
        ("of no family with a length", &[0, 0, 8, 0]),
    ] {
        rows.passes(&format!("a subnet {what}"), &with(&[(8, data)]), &edns);
        let twice = with(&[(8, &subnet("192.0.2.0/24")), (8, data)]);
        rows.passes(&format!("a subnet, and one {what}"), &twice, &edns);
        let absent = a("nothing.pool.example").option(8, data);
        rows.passes(&format!("a subnet {what}, and no name"), &absent, &edns);
        let no_zone = a("www.example.com").option(8, data);
        rows.passes(&format!("a subnet {what}, and no zone"), &no_zone, &edns);
    }
    for octets in [0, 1, 7, 9, 15, 41, 64] {
        let what = format!("a cookie of {octets} octets");
        rows.passes(&what, &with(&[(10, &vec![7; octets])]), &edns);
        let what = format!("a cookie, and one of {octets} octets");
        rows.passes(&what, &with(&[(10, &CLIENT), (10, &vec![7; octets])]), &edns);
    }
    for junk in [&[0][..], &[0, 3], &[0, 3, 0], &[0, 3, 0, 1], &[0, 12, 0xff, 0xff, 0]] {
        let opt = OptAsked { junk: junk.to_vec(), ..OptAsked::with(&[(3, &[])]) };
        rows.passes(&format!("an option cut off to {junk:?}"), &www().opt(opt), &edns);
    }
    let plain = OptAsked::default;
    rows.passes("two OPT records", &www().opt(plain()).opt(plain()), &[]);
    let versions = www().opt(OptAsked { version: 1, ..plain() }).opt(plain());
    rows.passes("two OPT records of two versions", &versions, &[]);
    let owned = [&[1, b'a'][..], &plain().octets()].concat();
    let owned = Ask { counts: [1, 0, 0, 1], records: owned, ..www() };
    rows.passes("an OPT record that has an owner", &owned, &[]);
    let pointed = [&[0xc0, 12][..], &plain().octets()[1..]].concat();
    let pointed = Ask { counts: [1, 0, 0, 1], records: pointed, ..www() };
    rows.passes("an OPT record that the question's name owns", &pointed, &[]);
}

/// Where the OPT record stands, and what else is there.
fn places(rows: &mut Rows) {
    let edns = |words: &str| format!("{ANSWER}, EDNS{words}");
    // A record with a name of its own is the authority's: no name is walked but the question's.
    let named = www().edns(1232);
    rows.passes("another's TXT record before OPT", &named.clone().before(NAMED), &[]);
    rows.passes("another's TXT record behind OPT", &named.after(NAMED), &[]);
    for (what, other) in [("the root's", OTHER), ("the question's", POINTING)] {
        let plain = www().edns(1232);
        let what = |rest: &str| format!("{what} TXT record {rest}");
        rows.either(&what("alone"), &www().before(other));
        rows.says(&what("before OPT"), &plain.clone().before(other), Verdict::Answer, &edns(""));
        rows.says(&what("behind OPT"), &plain.clone().after(other), Verdict::Answer, &edns(""));
        let nsid = plain.option(option::NSID, &[]);
        let words = edns(", nsid tests");
        rows.says(&what("before NSID"), &nsid.clone().before(other), Verdict::Answer, &words);
        rows.says(&what("behind NSID"), &nsid.clone().after(other), Verdict::Answer, &words);
        rows.passes(&what("twice"), &nsid.before(other).after(other), &[]);
    }
    for junk in [&[0][..], &[0, 1, 0, 1], &[0xff; 40]] {
        let n = junk.len();
        rows.either(&format!("{n} octets behind"), &Ask { junk: junk.to_vec(), ..www() });
        let opt = Ask { junk: junk.to_vec(), ..www().edns(1232) };
        rows.either(&format!("{n} octets behind OPT"), &opt);
        let nsid = Ask { junk: junk.to_vec(), ..with(&[(3, &[])]) };
        rows.either(&format!("{n} octets behind NSID"), &nsid);
    }
    for counts in [[1, 0, 0, 1], [1, 0, 0, 2], [1, 0, 0, 3], [1, 0, 0, 256], [1, 0, 0, 0xffff]] {
        let what = format!("{} records that aren't there", counts[3]);
        rows.passes(&what, &Ask { counts, ..www() }, &[]);
    }
    for counts in [[1, 0, 0, 1], [1, 0, 0, 2]] {
        let what = format!("{} records behind OPT that aren't there", counts[3]);
        rows.passes(&what, &Ask { counts, ..www().edns(1232) }, &[]);
    }
    let two = www().edns(1232).before(OTHER);
    for n in [3, 4, 255, 256] {
        // The OPT record counts by itself.
        let counts = [1, 0, 0, n - 1];
        let what = format!("{n} records of which there are two");
        rows.passes(&what, &Ask { counts, ..two.clone() }, &[Verdict::Sections]);
    }
    for counts in [[0, 0, 0, 0], [2, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0x101, 0, 0, 0]] {
        let what = format!("counts {counts:?}");
        let asked = Ask { counts, ..with(&[(3, &[])]) };
        rows.passes(&what, &asked, &[Verdict::Sections]);
    }
}

/// Versions that aren't ours: the options aren't read.
fn versions(rows: &mut Rows) {
    for version in [1, 2, 127, 128, 255] {
        let opt = |options: &[(u16, &[u8])], flags| OptAsked {
            version,
            flags,
            ..OptAsked::with(options)
        };
        let what = |rest: &str| format!("version {version} {rest}");
        let (verdict, words) = (Verdict::Badvers, "BADVERS, EDNS");
        rows.says(&what("alone"), &www().opt(opt(&[], 0)), verdict, words);
        rows.says(&what("and DO"), &www().opt(opt(&[], 0x8000)), verdict, "BADVERS, EDNS DO");
        rows.says(&what("and NSID"), &www().opt(opt(&[(3, &[])], 0)), verdict, words);
        rows.says(&what("and a cookie"), &www().opt(opt(&[(10, &CLIENT)], 0)), verdict, words);
        rows.says(&what("and no subnet"), &www().opt(opt(&[(8, &[9])], 0)), verdict, words);
        let junk = OptAsked { junk: vec![0, 3, 0], ..opt(&[], 0) };
        rows.says(&what("and half an option"), &www().opt(junk), verdict, words);
        for (rest, other) in [
            ("of no name", a("nothing.pool.example")),
            ("of no zone", a("www.example.com")),
            ("of a type", ask("www.pool.example", rtype::HTTPS)),
            ("of ANY", ask("www.pool.example", rtype::ANY)),
            ("of the root", a("")),
            ("of a special label", ask("_country.pool.example", rtype::TXT)),
        ] {
            rows.says(&what(rest), &other.opt(opt(&[], 0)), verdict, words);
        }
        rows.either(&what("of a transfer"), &ask("pool.example", rtype::AXFR).opt(opt(&[], 0)));
        let chaos = ask("version.bind", rtype::TXT).class(3).opt(opt(&[], 0));
        rows.either(&what("of class CH"), &chaos);
    }
}

/// The same options in all orders; the answer's order is its own.
fn orders(rows: &mut Rows) {
    let here = subnet("192.0.2.0/24");
    let [nsid, place, cookie, padding]: [(u16, &[u8]); 4] =
        [(3, &[]), (8, &here), (10, &CLIENT), (12, &[0; 3])];
    let words = "NOERROR AA, 2 A, EDNS, nsid tests, subnet 192.0.2.0/24/24, cookie 24";
    for order in [
        [nsid, place, cookie],
        [nsid, cookie, place],
        [place, nsid, cookie],
        [place, cookie, nsid],
        [cookie, nsid, place],
        [cookie, place, nsid],
    ] {
        let codes = order.map(|(code, _)| code);
        rows.says(&format!("options {codes:?}"), &with(&order), Verdict::Answer, words);
        let padded = order.into_iter().flat_map(|option| [padding, option]).collect::<Vec<_>>();
        let padded = [padded, vec![padding]].concat();
        rows.says(&format!("options {codes:?}, padded"), &with(&padded), Verdict::Answer, words);
        let unknown = order
            .into_iter()
            .flat_map(|option| [option, (65_123, &[3, 0, 8][..])])
            .collect::<Vec<_>>();
        rows.says(
            &format!("options {codes:?} and others"),
            &with(&unknown),
            Verdict::Answer,
            words,
        );
    }
    let elsewhere = subnet("198.51.100.0/24");
    let two = with(&[(8, &elsewhere), (8, &here)]);
    let words = "NOERROR AA, 2 A, EDNS, subnet 192.0.2.0/24/24";
    rows.says("two subnets, of which the last counts", &two, Verdict::Answer, words);
    let two = with(&[(10, &CLIENT), (10, &[1; 8])]);
    rows.says("two cookies", &two, Verdict::Answer, "NOERROR AA, 4 A, EDNS, cookie 24");
}

/// Subnets: what is answered, and for whom else that holds.
pub(super) fn scopes() -> Vec<Case> {
    let mut cases = Vec::new();
    for client in ["192.0.2.10:4000", "[2001:db8::7]:4000"] {
        let mut rows = Rows::new(client, Controls::default());
        for (prefix, n, scope) in [
            // Germany's own set has two records, that of everyone else four; Japan's, by its
            // continent, two.
            ("192.0.2.0/24", 2, 24),
            ("192.0.2.128/25", 2, 24),
            ("192.0.2.77/32", 2, 24),
            ("11.0.0.0/8", 2, 9),
            ("11.0.0.0/24", 2, 9),
            ("11.128.0.0/24", 2, 16),
            ("198.51.100.0/24", 4, 26),
            ("198.51.100.64/26", 4, 26),
            ("203.0.113.7/32", 4, 32),
            // Nothing is known of these: the source is Germany's.
            ("203.0.113.6/32", 2, 32),
            ("198.18.0.0/15", 2, 0),
            ("10.0.0.0/8", 2, 8),
            ("10.1.2.3/32", 2, 8),
            ("127.0.0.1/32", 2, 8),
            ("169.254.0.0/16", 2, 16),
            ("172.16.0.0/12", 2, 12),
            ("192.168.1.0/24", 2, 16),
            ("224.0.0.1/32", 2, 4),
            ("255.255.255.255/32", 2, 32),
            ("0.0.0.0/32", 2, 32),
            ("0.0.0.0/0", 2, 0),
            ("::/0", 2, 0),
            ("2001:db8::/48", 2, 0),
            ("2001:db8:8000::/48", 4, 0),
            ("2001:db8:1:2::/64", 4, 64),
            ("2001:db8:1:2:3::/80", 4, 64),
            ("2001:db8:ffff::/56", 4, 48),
            ("2a00::/12", 2, 12),
            ("::/128", 2, 128),
            ("::1/128", 2, 128),
            ("fe80::/64", 2, 10),
            ("fd00::/8", 2, 7),
            ("ff02::1/128", 2, 8),
            ("::ffff:192.0.2.0/120", 2, 120),
            ("::ffff:11.0.0.0/104", 2, 105),
            ("::ffff:10.0.0.0/104", 2, 104),
        ] {
            let words = format!("NOERROR AA, {n} A, EDNS, subnet {prefix}/{scope}");
            if scope == 0 && !prefix.ends_with("/0") {
                // As wide as it happens to be; the slow path knows.
                rows.either(&format!("subnet {prefix}"), &www().subnet(prefix));
                continue;
            }
            rows.says(&format!("subnet {prefix}"), &www().subnet(prefix), Verdict::Answer, &words);
        }
        for prefix in ["128.0.0.0/1", "0.0.0.0/1", "8000::/1", "2000::/3", "::ffff:0:0/96", "::/80"]
        {
            rows.either(&format!("subnet {prefix}"), &www().subnet(prefix));
        }
        // Answers for everyone, but beside others that aren't; and a zone that has none of these.
        let nodata = "NOERROR AA, SOA of pool.example., EDNS, subnet 192.0.2.0/24/24";
        let www6 = ask("www.pool.example", rtype::AAAA).subnet("192.0.2.0/24");
        rows.says("a subnet for NODATA", &www6, Verdict::Nodata, nodata);
        let https = ask("www.pool.example", rtype::HTTPS).subnet("192.0.2.0/24");
        rows.says("a subnet for HTTPS", &https, Verdict::Nodata, nodata);
        let slow = a("slow.pool.example").subnet("192.0.2.0/24");
        let words = "NOERROR AA, 2 A, EDNS, subnet 192.0.2.0/24/0";
        rows.says("a subnet for a constant", &slow, Verdict::Answer, words);
        let open = a("www.open.example").subnet("192.0.2.0/24");
        rows.says("a subnet for everyone's zone", &open, Verdict::Answer, words);
        let none = www().option(option::SUBNET, &[0; 4]);
        rows.says(
            "a subnet of no family",
            &none,
            Verdict::Answer,
            "NOERROR AA, 2 A, EDNS, subnet -/0/0",
        );
        let scoped = www().option(option::SUBNET, &[0, 1, 24, 99, 192, 0, 2]);
        let words = "NOERROR AA, 2 A, EDNS, subnet 192.0.2.0/24/24";
        rows.says("a subnet with a scope", &scoped, Verdict::Answer, words);
        rows.either(
            "the SOA for a subnet",
            &ask("pool.example", rtype::SOA).subnet("192.0.2.0/24"),
        );
        rows.either("two known places", &a("near.odd.example").subnet("192.0.2.0/24"));
        let near = a("closest.odd.example").subnet("192.0.2.0/24");
        rows.passes("the nearest to a subnet", &near, &[]);
        cases.extend(rows.cases);
    }
    cases
}

/// Server cookies, good and bad, with and without the duty to have one.
pub(super) fn cookies() -> Vec<Case> {
    let mut cases = Vec::new();
    for client in super::NOBODIES {
        let address: IpAddr = Rows::new(client, Controls::OPEN).client.ip();
        let made = |secret: usize, age: u32| {
            let server = server_cookie(CLIENT, &SECRETS[secret], age, address);
            [&CLIENT[..], &server].concat()
        };
        let mut flipped = made(0, 0);
        flipped[20] ^= 1;
        let mut version = made(0, 0);
        version[8] = 2;
        let other = server_cookie(CLIENT, &SECRETS[0], 0, IpAddr::from([198, 18, 0, 2]));
        let shapes = [
            ("new", made(0, 0), true),
            ("of half an hour", made(0, 1800), true),
            ("of an hour", made(0, 3600), true),
            ("of more than an hour", made(0, 3601), false),
            ("five minutes ahead", made(0, 0_u32.wrapping_sub(300)), true),
            ("more than five minutes ahead", made(0, 0_u32.wrapping_sub(301)), false),
            ("of the former secret", made(1, 0), true),
            ("of the former secret, old", made(1, 3601), false),
            ("with a bit turned", flipped, false),
            ("of version 2", version, false),
            ("of another client", [&CLIENT[..], &other].concat(), false),
            ("of 8 octets", [&CLIENT[..], &[1; 8]].concat(), false),
            ("of 15 octets", [&CLIENT[..], &[1; 15]].concat(), false),
            ("of 17 octets", [&CLIENT[..], &[1; 17]].concat(), false),
            ("of 32 octets", [&CLIENT[..], &[1; 32]].concat(), false),
            ("of none", CLIENT.to_vec(), false),
        ];
        for (what, data, is_good) in &shapes {
            let asked = www().option(option::COOKIE, data);
            let answer = format!("{ANSWER}, EDNS, cookie 24");
            let mut rows = Rows::new(client, Controls::OPEN);
            rows.says(&format!("a cookie {what}"), &asked, Verdict::Answer, &answer);
            cases.extend(rows.cases);

            let strict = Controls { enforce: true, ..Controls::OPEN };
            let mut rows = Rows::new(client, strict);
            let what = format!("a cookie {what}, enforced");
            let (verdict, words) = if *is_good {
                (Verdict::Answer, answer.as_str())
            } else {
                (Verdict::Badcookie, "BADCOOKIE, EDNS, cookie 24")
            };
            rows.says(&what, &asked, verdict, words);
            if !is_good {
                let more = asked.clone().option(3, &[]).subnet("192.0.2.0/24");
                let words = "BADCOOKIE, EDNS, nsid tests, subnet 192.0.2.0/24/0, cookie 24";
                rows.says(&format!("{what}, and more"), &more, verdict, words);
                let none = a("www.example.com").option(option::COOKIE, data);
                rows.says(
                    &format!("{what}, no zone"),
                    &none,
                    verdict,
                    "BADCOOKIE, EDNS, cookie 24",
                );
            }
            cases.extend(rows.cases);

            let mut rows = Rows::new(client, Controls::default());
            let words = format!("{ANSWER}, EDNS");
            rows.says(&format!("{what}, but no secrets"), &asked, Verdict::Answer, &words);
            cases.extend(rows.cases);
        }
        let mut rows = Rows::new(client, Controls { enforce: true, ..Controls::OPEN });
        rows.says("no cookie, enforced", &www(), Verdict::Answer, ANSWER);
        let edns = format!("{ANSWER}, EDNS");
        rows.says("EDNS without a cookie, enforced", &www().edns(1232), Verdict::Answer, &edns);
        let none = Ask { counts: [0, 0, 0, 0], ..www().option(option::COOKIE, &CLIENT) };
        rows.passes("a cookie without a question", &none, &[Verdict::Sections]);
        cases.extend(rows.cases);
    }
    cases
}
