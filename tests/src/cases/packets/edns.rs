//! The packet table's part about what is behind the question.

use edge_common::verdict::Verdict;

use super::Base;
use crate::cases::Case;
use crate::frames::opt;

/// OPT records (RFC 6891 §6.1.2).
pub(super) fn edns(base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    for flags in [0, 0x8000, 0x4000, 0x7fff, 0xffff] {
        let what = format!("OPT with flags {flags:04x}");
        cases.push(base.answered(&what, |query| query.opt = Some(opt(flags))));
    }
    let change = |at: usize, octet: u8| {
        let mut record = opt(0);
        record[at] = octet;
        Some(record)
    };
    for (what, at, octet) in [("size 0", 3, 0), ("an extended RCODE", 5, 0xff)] {
        cases.push(base.answered(&format!("OPT: {what}"), |query| query.opt = change(at, octet)));
    }
    for (what, at, octet) in [
        ("owned by a name", 0, 1),
        ("with options that are missing", 10, 4),
        ("with 256 octets of options", 9, 1),
    ] {
        let opt = change(at, octet);
        let what = format!("OPT {what}");
        cases.push(base.passed(&what, Verdict::Edns, |query| query.opt = opt));
    }
    // Not OPT, and so nothing that we know of.
    let address = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1];
    let empty = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    for (what, record) in [
        ("OPT of another type", change(2, 40)),
        ("OPT of type 297", change(1, 1)),
        ("an A record behind", Some(address.to_vec())),
        ("an empty A record behind", Some(empty.to_vec())),
        ("OPT and an octet behind", Some([opt(0), vec![0]].concat())),
    ] {
        cases.push(base.either(what, |query| query.opt = record));
    }
    cases.push(base.edited("an additional record is missing", Verdict::Edns, |message| {
        message[11] = 1;
    }));
    cases
}
