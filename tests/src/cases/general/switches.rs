//! The rows about what the operator has switched on.

use edge_common::abi::switches::{BYPASS, DRY_RUN, REFUSE};
use edge_common::verdict::Verdict;

use super::{Rows, a, ask};
use crate::cases::Case;
use crate::controls::Controls;
use crate::message::{Ask, OptAsked, rtype};

/// A question of each kind, and its verdict when nothing is switched on.
fn each() -> Vec<(&'static str, Ask, Verdict)> {
    let version = OptAsked { version: 1, ..OptAsked::default() };
    vec![
        ("an answer", a("www.pool.example"), Verdict::Answer),
        ("an answer with NSID", a("www.pool.example").option(3, &[]), Verdict::Answer),
        ("a record set", ask("text.static.example", rtype::TXT), Verdict::Answer),
        ("NODATA", ask("www.pool.example", rtype::AAAA), Verdict::Nodata),
        ("NODATA of HTTPS", ask("www.pool.example", rtype::HTTPS), Verdict::Nodata),
        ("no name", a("nothing.pool.example"), Verdict::Nxdomain),
        ("no name, deep", a("a.b.c.pool.example"), Verdict::Nxdomain),
        ("another version", a("www.pool.example").opt(version), Verdict::Badvers),
        ("no zone", a("www.example.com"), Verdict::UnknownName),
        ("class CH", ask("version.bind", rtype::TXT).class(3), Verdict::Class),
        ("a transfer", ask("pool.example", rtype::AXFR), Verdict::Type),
        ("half an option", a("www.pool.example").option(8, &[1]), Verdict::Edns),
    ]
}

/// For a client.
pub(super) fn rows(client: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut rows = Rows::new(client, Controls::OPEN.switched(BYPASS));
    for (what, asked, verdict) in each() {
        // What passes anyway may say why.
        rows.passes(&format!("bypassed: {what}"), &asked, &[Verdict::Bypass, verdict]);
    }
    rows.passes("bypassed", &a("www.pool.example"), &[Verdict::Bypass]);
    cases.extend(rows.cases);

    let mut rows = Rows::new(client, Controls::OPEN.switched(DRY_RUN));
    for (what, asked, verdict) in each() {
        let answered = verdict.action() == edge_common::verdict::Action::Tx;
        let expect = if answered { Verdict::DryRun } else { verdict };
        rows.passes(&format!("a dry run: {what}"), &asked, &[expect]);
    }
    cases.extend(rows.cases);

    let mut rows = Rows::new(client, Controls::OPEN);
    for (what, asked, verdict) in each() {
        if verdict.action() == edge_common::verdict::Action::Pass {
            rows.passes(&format!("nothing switched on: {what}"), &asked, &[verdict]);
        }
    }
    cases.extend(rows.cases);

    cases.extend(refused(client));
    cases
}

/// Names of no zone, when they are to be refused.
fn refused(client: &str) -> Vec<Case> {
    let mut rows = Rows::new(client, Controls::OPEN.switched(REFUSE));
    let refused = Verdict::Refused;
    for name in ["www.example.com", "com", "", "apool.example", r"a\004pool\007example", "example"]
    {
        rows.says(&format!("refused: {name}"), &a(name), refused, "REFUSED");
        let edns = a(name).option(3, &[]).option(10, &[7; 8]).subnet("192.0.2.0/24");
        let words = "REFUSED, EDNS, nsid tests, subnet 192.0.2.0/24/0, cookie 24";
        rows.says(&format!("refused with EDNS: {name}"), &edns, refused, words);
    }
    let long =
        format!("{}.example.com", ["x".repeat(63), "y".repeat(63), "z".repeat(63)].join("."));
    rows.says("refused: a long name", &a(&long), refused, "REFUSED");
    for kind in [0, 2, 6, 15, 16, 28, 43, 65, 255, 257, 65_535] {
        let what = format!("refused: type {kind}");
        rows.says(&what, &ask("www.example.com", kind), refused, "REFUSED");
    }
    rows.passes("not refused: a transfer", &ask("example.com", rtype::AXFR), &[Verdict::Type]);
    let chaos = ask("version.bind", rtype::TXT).class(3);
    rows.passes("not refused: class CH", &chaos, &[Verdict::Class]);
    let malformed = a("www.example.com").option(8, &[1]);
    rows.passes("not refused: half an option", &malformed, &[Verdict::Edns]);
    rows.says("not refused: a name", &a("www.pool.example"), Verdict::Answer, "NOERROR AA, 4 A");
    let words = "NXDOMAIN AA, SOA of pool.example.";
    rows.says("not refused: no name", &a("x.pool.example"), Verdict::Nxdomain, words);
    let version = OptAsked { version: 1, ..OptAsked::default() };
    let words = "BADVERS, EDNS";
    rows.says(
        "not refused: another version",
        &a("example.com").opt(version),
        Verdict::Badvers,
        words,
    );
    rows.cases
}
