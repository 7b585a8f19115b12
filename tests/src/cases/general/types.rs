//! The rows about types other than A and AAAA.

use edge_common::verdict::Verdict;

use super::{Rows, a, ask};
use crate::fixture::long_label;
use crate::message::rtype;

pub(super) fn rows(rows: &mut Rows) {
    nodata(rows);
    statics(rows);
    for name in ["www.pool.example", "pool.example", "static.example", "cname.static.example"] {
        for kind in [rtype::AXFR, rtype::IXFR] {
            rows.passes(&format!("a transfer of {name}"), &ask(name, kind), &[Verdict::Type]);
        }
        rows.either(&format!("ANY of {name}"), &ask(name, rtype::ANY));
        rows.passes(&format!("class 3 of {name}"), &ask(name, 16).class(3), &[Verdict::Class]);
        rows.passes(&format!("class ANY of {name}"), &ask(name, 16).class(255), &[Verdict::Class]);
    }
}

/// Names that have nothing of a type.
fn nodata(rows: &mut Rows) {
    let names = [
        ("www.pool.example", "pool.example"),
        ("alias.pool.example", "pool.example"),
        ("deep.alias.pool.example", "pool.example"),
        ("the.tree.pool.example", "pool.example"),
        ("de.pool.example", "pool.example"),
        ("www.de.pool.example", "pool.example"),
        ("child.nest.example", "child.nest.example"),
        ("www.open.example", "open.example"),
        ("a1.counts.example", "counts.example"),
    ];
    // What stands for nothing, is obsolete, unknown, or at the end of the range.
    let kinds = [0, 2, 3, 5, 12, 13, 15, 16, 33, 35, 43, 44, 48, 52, 64, 65, 99, 257, 999, 65_535];
    for (name, apex) in names {
        let words = format!("NOERROR AA, SOA of {apex}.");
        for kind in kinds {
            let what = format!("type {kind} of {name}");
            if kind == rtype::DS && name == "child.nest.example" {
                // The zone above speaks for it.
                rows.either(&what, &ask(name, kind));
                continue;
            }
            rows.says(&what, &ask(name, kind), Verdict::Nodata, &words);
        }
        let edns = ask(name, rtype::HTTPS).option(10, &[9; 8]);
        let words = format!("{words}, EDNS, cookie 24");
        rows.says(&format!("HTTPS of {name}, with a cookie"), &edns, Verdict::Nodata, &words);
    }
    rows.says(
        "SOA of www",
        &ask("www.pool.example", 6),
        Verdict::Nodata,
        "NOERROR AA, SOA of pool.example.",
    );
}

/// Record sets that are the same for everyone.
fn statics(rows: &mut Rows) {
    let spf = r#"NOERROR AA, TXT "v=spf1 -all" for 300 s"#;
    let text = r#"NOERROR AA, TXT "one" for 300 s"#;
    let texts = r#"NOERROR AA, TXT "one" for 60 s, TXT "three" for 60 s, TXT "two" for 60 s"#;
    let ns = "NOERROR AA, NS a.ns.example.net. for 86400 s, NS b.ns.example.net. for 86400 s";
    let mx = "NOERROR AA, MX 10 mx1.static.example. for 300 s, MX 20 mx2.example.net. for 300 s";
    let caa = r#"NOERROR AA, CAA 0 issue "ca.example.net" for 300 s"#;
    let target = "NOERROR AA, CNAME target.example.net. for 300 s";
    let inside = "NOERROR AA, CNAME text.static.example. for 300 s";
    for (label, kind, words) in [
        ("", rtype::NS, ns),
        ("", rtype::MX, mx),
        ("", rtype::TXT, spf),
        ("", rtype::CAA, caa),
        ("text", rtype::TXT, text),
        ("alias", rtype::TXT, text),
        ("texts", rtype::TXT, texts),
        ("mail", rtype::MX, "NOERROR AA, MX 5 mx1.static.example. for 300 s"),
        ("sub", rtype::NS, "NOERROR AA, NS ns.elsewhere.example. for 86400 s"),
        ("cname", rtype::A, target),
        ("cname", rtype::AAAA, target),
        ("cname", rtype::TXT, target),
        ("cname", rtype::HTTPS, target),
        ("cname", rtype::CNAME, target),
        ("cname", 0, target),
        ("cname", 65_535, target),
        ("inside", rtype::A, inside),
        ("web", rtype::A, "NOERROR AA, 3 A"),
    ] {
        let name = if label.is_empty() {
            "static.example".to_owned()
        } else {
            format!("{label}.static.example")
        };
        let what = format!("type {kind} of {name}");
        rows.says(&what, &ask(&name, kind), Verdict::Answer, words);
        let edns = ask(&name, kind).option(3, &[]).option(10, &[1; 8]);
        let words = format!("{words}, EDNS, nsid tests, cookie 24");
        rows.says(&format!("{what}, EDNS"), &edns, Verdict::Answer, &words);
    }
    for (label, kind) in [("text", rtype::A), ("mail", rtype::TXT), ("texts", rtype::MX)] {
        let name = format!("{label}.static.example");
        let words = "NOERROR AA, SOA of static.example.";
        rows.says(&format!("type {kind} of {name}"), &ask(&name, kind), Verdict::Nodata, words);
    }
    for apex in ["static.example", "pool.example"] {
        // Its data say more than matters here, and are compared with the slow path's.
        rows.either(&format!("SOA of {apex}"), &ask(apex, rtype::SOA));
    }
    rows.either("HTTPS of web", &ask("web.static.example", rtype::HTTPS));
    rows.passes("more than fits", &ask("big.static.example", rtype::TXT), &[Verdict::NoDeck]);
    sizes(rows);
}

/// Answers at the limit of what the client takes.
fn sizes(rows: &mut Rows) {
    let name = format!("{}.static.example", long_label());
    let text = format!("NOERROR AA, TXT {:?} for 300 s", "n".repeat(170));
    rows.says("the longest name", &ask(&name, rtype::TXT), Verdict::Answer, &text);
    let asked = |size| {
        let plain = ask(&name, rtype::TXT).edns(size);
        plain
            .option(3, &[])
            .option(8, &crate::message::subnet("2001:db8::/128"))
            .option(10, &[1; 8])
    };
    for size in [0, 1, 511, 512, 513] {
        rows.passes(&format!("too long for {size}"), &asked(size), &[Verdict::Size]);
    }
    let words = format!("{text}, EDNS, nsid tests, subnet 2001:db8::/128/0, cookie 24");
    for size in [600, 1232, 1233, 4096, 65_535] {
        rows.says(&format!("short enough for {size}"), &asked(size), Verdict::Answer, &words);
    }
    rows.says(
        "AAAA of none",
        &ask("text.static.example", 28),
        Verdict::Nodata,
        "NOERROR AA, SOA of static.example.",
    );
    rows.says("A of the apex", &a("static.example"), Verdict::Answer, "NOERROR AA, 3 A");
}
