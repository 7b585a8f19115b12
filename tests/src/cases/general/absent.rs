//! Rows about names that don't exist, or exist only by an asterisk.

use edge_common::verdict::Verdict;

use super::{Rows, a, ask};
use crate::fixture;
use crate::frames::wire_name;
use crate::message::{Ask, rtype};

pub(super) fn rows(rows: &mut Rows) {
    absent(rows);
    wild(rows);
    special(rows);
    odd(rows);
    lengths(rows);
    for kind in [0, 2, 5, 6, 15, 16, 28, 33, 43, 64, 65, 99, 255, 257, 999, 65_535] {
        let words = "NXDOMAIN AA, SOA of pool.example.";
        let what = format!("type {kind} of no name");
        rows.says(&what, &ask("nothing.pool.example", kind), Verdict::Nxdomain, words);
    }
    for kind in [rtype::AXFR, rtype::IXFR] {
        rows.passes("a transfer of no name", &ask("nothing.pool.example", kind), &[Verdict::Type]);
    }
    for class in [0, 3, 4, 254, 255, 0xffff] {
        let what = format!("class {class} of no name");
        rows.passes(&what, &a("nothing.pool.example").class(class), &[Verdict::Class]);
    }
}

fn absent(rows: &mut Rows) {
    for (name, apex) in [
        ("nothing.pool.example", "pool.example"),
        ("x.pool.example", "pool.example"),
        ("a.b.c.d.e.f.g.pool.example", "pool.example"),
        ("x.www.pool.example", "pool.example"),
        ("x.alias.pool.example", "pool.example"),
        ("x.deep.alias.pool.example", "pool.example"),
        ("x.tree.pool.example", "pool.example"),
        ("x.the.tree.pool.example", "pool.example"),
        ("x.under.the.tree.pool.example", "pool.example"),
        ("a.de.pool.example", "pool.example"),
        ("pool.example.pool.example", "pool.example"),
        ("www.pool.example.pool.example", "pool.example"),
        ("x._country.pool.example", "pool.example"),
        ("_countr.pool.example", "pool.example"),
        ("_countryx.pool.example", "pool.example"),
        ("x.child.nest.example", "child.nest.example"),
        ("www.child.nest.example", "child.nest.example"),
        ("x.w.child.nest.example", "child.nest.example"),
        ("hild.nest.example", "nest.example"),
        ("x.www.nest.example", "nest.example"),
        ("x.open.example", "open.example"),
        ("x.www.open.example", "open.example"),
        ("y.text.static.example", "static.example"),
        ("y.cname.static.example", "static.example"),
        ("y.sub.static.example", "static.example"),
    ] {
        let words = format!("NXDOMAIN AA, SOA of {apex}.");
        rows.says(&format!("no name {name}"), &a(name), Verdict::Nxdomain, &words);
        let capitals = name.to_ascii_uppercase();
        let capital_words = format!("NXDOMAIN AA, SOA of {}.", apex.to_ascii_uppercase());
        rows.says(&format!("no name {capitals}"), &a(&capitals), Verdict::Nxdomain, &capital_words);
        let words = format!("{words}, EDNS, nsid tests");
        let edns = a(name).option(3, &[]);
        rows.says(&format!("no name {name} with EDNS"), &edns, Verdict::Nxdomain, &words);
        let words = format!("NXDOMAIN AA, SOA of {apex}., EDNS, subnet 192.0.2.0/24/0");
        let subnet = a(name).subnet("192.0.2.0/24");
        rows.says(&format!("no name {name} for a subnet"), &subnet, Verdict::Nxdomain, &words);
    }
}

fn wild(rows: &mut Rows) {
    let addresses = "NOERROR AA, 2 A";
    let nodata = "NOERROR AA, SOA of wild.example.";
    let nothing = "NXDOMAIN AA, SOA of wild.example.";
    let moved = "NOERROR AA, CNAME target.example.net. for 300 s";
    let text = r#"NOERROR AA, TXT "wild" for 300 s"#;
    for (label, kind, verdict, words) in [
        ("any", rtype::A, Verdict::Answer, addresses),
        ("any.at.all", rtype::A, Verdict::Answer, addresses),
        ("any", rtype::AAAA, Verdict::Nodata, nodata),
        ("any", rtype::TXT, Verdict::Answer, text),
        ("any.at.all", rtype::TXT, Verdict::Answer, text),
        ("any", rtype::HTTPS, Verdict::Nodata, nodata),
        ("*", rtype::A, Verdict::Answer, addresses),
        ("x.*", rtype::A, Verdict::Nxdomain, nothing),
        ("sub", rtype::A, Verdict::Nodata, nodata),
        ("x.sub", rtype::A, Verdict::Answer, addresses),
        ("x.y.sub", rtype::A, Verdict::Answer, addresses),
        ("x.sub", rtype::TXT, Verdict::Nodata, nodata),
        ("real.sub", rtype::A, Verdict::Nodata, nodata),
        ("x.real.sub", rtype::A, Verdict::Nxdomain, nothing),
        ("er.sub", rtype::A, Verdict::Nodata, nodata),
        ("x.er.sub", rtype::A, Verdict::Nxdomain, nothing),
        ("x.deep.er.sub", rtype::A, Verdict::Nxdomain, nothing),
        ("any.moved", rtype::A, Verdict::Answer, moved),
        ("any.moved", rtype::CNAME, Verdict::Answer, moved),
        ("moved", rtype::A, Verdict::Nodata, nodata),
        ("x.by", rtype::A, Verdict::Answer, addresses),
    ] {
        let name = format!("{label}.wild.example");
        let what = format!("wild: {label} {kind}");
        // A ready-made answer is made for names of one length, which those of an asterisk don't
        // have.
        if matches!(kind, rtype::TXT | rtype::CNAME) || words == moved {
            rows.either(&what, &ask(&name, kind));
        } else {
            rows.says(&what, &ask(&name, kind), verdict, words);
        }
    }
}

fn special(rows: &mut Rows) {
    for label in ["_status", "_health", "_country"] {
        for (name, kind) in [
            (format!("{label}.pool.example"), rtype::TXT),
            (format!("{label}.pool.example"), rtype::A),
            (format!("{}.pool.example", label.to_uppercase()), rtype::TXT),
            (format!("{label}.www.pool.example"), rtype::TXT),
            (format!("{label}.no.such.pool.example"), rtype::TXT),
            (format!("{label}.nest.example"), rtype::TXT),
            (format!("{label}.child.nest.example"), rtype::TXT),
            (format!("{label}.wild.example"), rtype::TXT),
            (format!("{label}.sub.wild.example"), rtype::A),
        ] {
            rows.passes(
                &format!("special: {name} {kind}"),
                &ask(&name, kind),
                &[Verdict::UnknownName],
            );
        }
    }
}

/// Names that look like others, and what isn't a name at all.
fn odd(rows: &mut Rows) {
    for name in [
        "",
        "com",
        "example",
        "ool.example",
        "apool.example",
        "pool.examplf",
        "pool.example.com",
        // The apex's octets, but inside of a label.
        r"a\004pool\007example",
        r"\003www\004pool\007example",
        r"x.a\004pool\007example",
        r"www.pool\007example",
        r"pool\.example",
        r"www.pool\.example",
    ] {
        rows.passes(&format!("no zone: {name}"), &a(name), &[Verdict::UnknownName]);
    }
    for name in [
        // As above, in front of an apex.
        r"a\003www.pool.example",
        r"\000.pool.example",
        r"\255\000\192.pool.example",
        r"x\.www.pool.example",
        r"www\032.pool.example",
        r"w\119w\000.pool.example",
        r"\087\087\087x.pool.example",
        r"[192.pool.example",
    ] {
        let words = "NXDOMAIN AA, SOA of pool.example.";
        rows.says(&format!("no name {name}"), &a(name), Verdict::Nxdomain, words);
    }
    rows.says(
        "www in numbers",
        &a(r"\119\119\119.pool.example"),
        Verdict::Answer,
        "NOERROR AA, 4 A",
    );
    let apex = wire_name("pool.example");
    let raw = |octets: &[u8], apex: &[u8]| Some([octets, apex].concat());
    for (what, raw_name) in [
        ("a pointer", raw(b"\x03www\xc0\x0c", b"")),
        ("a pointer in front", raw(b"\xc0\x0c", &apex)),
        ("a pointer within", raw(b"\x01a\xc0\x10", &apex)),
        ("a label of 64 octets", raw(&[&[0x40][..], &[b'a'; 64]].concat(), &apex)),
        ("a label of type 0x80", raw(b"\x81a", &apex)),
        ("a label of type 0x41", raw(b"\x41a", &apex)),
        ("a name without end", raw(b"", apex.get(..13).unwrap_or_default())),
        ("a label without end", raw(b"\x3fa", &apex)),
        ("no name", raw(b"", b"")),
        ("a name of 256 octets", raw(&[1; 242], &apex)),
    ] {
        let illegal = Ask { raw_name, ..a("") };
        rows.passes(&format!("no legal name: {what}"), &illegal, &[]);
        let illegal = illegal.option(3, &[]);
        rows.passes(&format!("no legal name: {what}, NSID"), &illegal, &[]);
    }
}

/// A name for every length that a name below `l` can have, of few labels and of many.
fn lengths(rows: &mut Rows) {
    for (octets, label) in fixture::labels_by_length() {
        if octets < 6 {
            continue;
        }
        // A letter that no name in the zone begins with.
        let name = format!("y{}.l", label.get(1..).unwrap_or_default());
        let words = "NXDOMAIN AA, SOA of l.";
        let what = format!("no name of {octets} octets");
        rows.says(&what, &a(&name), Verdict::Nxdomain, words);
        let words = format!("{words}, EDNS, nsid tests");
        rows.says(&what, &a(&name).option(3, &[]), Verdict::Nxdomain, &words);
        if octets % 2 == 1 {
            let many = format!("{}l", "y.".repeat((octets - 3) / 2));
            rows.says(
                &format!("{what}, of short labels"),
                &a(&many),
                Verdict::Nxdomain,
                "NXDOMAIN AA, SOA of l.",
            );
        }
        let below = format!("y.{label}.l");
        if wire_name(&below).len() <= 255 {
            rows.says(
                &format!("below a name of {octets} octets"),
                &a(&below),
                Verdict::Nxdomain,
                "NXDOMAIN AA, SOA of l.",
            );
        }
    }
}
