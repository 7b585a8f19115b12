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
        ("of another type", 2, 40),
        ("of type 297", 1, 1),
        ("of version 1", 6, 1),
        ("of version 255", 6, 255),
        ("with options that are missing", 10, 4),
        ("with 256 octets of options", 9, 1),
    ] {
        let opt = change(at, octet);
        let what = format!("OPT {what}");
        cases.push(base.passed(&what, Verdict::Edns, |query| query.opt = opt));
    }
    let with = |options: &[u8]| {
        let mut record = opt(0);
        record[10] = u8::try_from(options.len()).expect("short");
        record.extend_from_slice(options);
        Some(record)
    };
    let cookie = with(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    let subnet = with(&[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]);
    let nsid = with(&[0, 3, 0, 0]);
    let padding = with(&[0, 12, 0, 3, 0, 0, 0]);
    for (what, opt) in
        [("cookie", cookie), ("subnet", subnet), ("NSID", nsid), ("padding", padding)]
    {
        let what = format!("OPT with {what}");
        cases.push(base.passed(&what, Verdict::Edns, |query| query.opt = opt));
    }
    let address = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1];
    let empty = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    cases.push(base.passed("an A record behind", Verdict::Edns, |query| {
        query.opt = Some(address.to_vec());
    }));
    cases.push(base.passed("an empty A record behind", Verdict::Edns, |query| {
        query.opt = Some(empty.to_vec());
    }));
    cases.push(base.passed("OPT and an octet behind", Verdict::Edns, |query| {
        query.opt = Some([opt(0), vec![0]].concat());
    }));
    cases.push(base.edited("an additional record is missing", Verdict::Edns, |message| {
        message[11] = 1;
    }));
    cases
}
