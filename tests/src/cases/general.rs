//! Rows for the program `general`: names, types, EDNS, switches.
//!
//! Each row has a question, what is configured, a verdict, and the answer in words. A test
//! (`tests/answer/general.rs`) compares the words with the slow path, so they can't follow the
//! engine's mistakes.

mod absent;
mod edns;
mod switches;
mod types;

use std::net::SocketAddr;

use edge_common::verdict::Verdict;

use super::{Case, Expect};
use crate::controls::Controls;
use crate::engine::State;
use crate::fixture;
use crate::frames;
use crate::message::{Ask, rtype};

/// Clients that nobody knows, of both families.
const NOBODIES: [&str; 2] = ["198.18.0.1:4321", "[2400::5]:4321"];

/// Rows for a client and a configuration.
pub(super) struct Rows {
    client: SocketAddr,
    controls: Controls,
    tags: &'static [(u16, u16)],
    padding: usize,
    cases: Vec<Case>,
}

impl Rows {
    fn new(client: &str, controls: Controls) -> Self {
        let client = client.parse().expect("an address");
        Self { client, controls, tags: &[], padding: 0, cases: Vec::new() }
    }

    fn push(&mut self, what: &str, message: &[u8], expect: Expect) {
        let server = fixture::server_for(self.client.ip());
        let frame = frames::frame(self.client, server, message, self.tags, self.padding);
        let what = format!("{what}, from {}", self.client.ip());
        self.cases.push(Case { what, frame, state: State::With(self.controls), expect });
    }

    /// A question that is answered.
    fn says(&mut self, what: &str, ask: &Ask, verdict: Verdict, words: &str) {
        self.push(what, &ask.octets(), Expect::Says(verdict, words.to_owned()));
    }

    /// A question that passes, by one of some verdicts, or by any.
    fn passes(&mut self, what: &str, ask: &Ask, verdicts: &[Verdict]) {
        self.push(what, &ask.octets(), Expect::Passes(verdicts.to_vec()));
    }

    /// A question that may pass, and if it is answered, is as the authority would.
    fn either(&mut self, what: &str, ask: &Ask) {
        self.push(what, &ask.octets(), Expect::Either);
    }
}

/// A question for a name and type.
fn ask(name: &str, kind: u16) -> Ask {
    Ask::new(name, kind)
}

/// A question for a name's A records.
fn a(name: &str) -> Ask {
    Ask::new(name, rtype::A)
}

/// Every row.
#[must_use]
pub fn general() -> Vec<Case> {
    let mut cases = Vec::new();
    for client in NOBODIES {
        for fill in [absent::rows, types::rows, edns::rows] {
            let mut rows = Rows::new(client, Controls::OPEN);
            fill(&mut rows);
            cases.extend(rows.cases);
        }
        cases.extend(switches::rows(client));
        cases.extend(links(client));
    }
    cases.extend(edns::scopes());
    cases.extend(edns::cookies());
    cases
}

/// Tags and padding around what only the second program answers.
fn links(client: &str) -> Vec<Case> {
    const TAGS: [&[(u16, u16)]; 5] = [
        &[],
        &[(0x8100, 0x6005)],
        &[(0x88a8, 5)],
        &[(0x88a8, 5), (0x8100, 7)],
        &[(0x8100, 5), (0x8100, 7)],
    ];
    let mut cases = Vec::new();
    for tags in TAGS {
        for padding in [0, 1, 18, 46] {
            let mut rows = Rows { tags, padding, ..Rows::new(client, Controls::OPEN) };
            let what = format!("tags {tags:x?}, {padding} octets of padding");
            let absent = "NXDOMAIN AA, SOA of pool.example.";
            rows.says(&what, &a("a.b.pool.example"), Verdict::Nxdomain, absent);
            let text = r#"NOERROR AA, TXT "one" for 300 s"#;
            rows.says(&what, &ask("text.static.example", rtype::TXT), Verdict::Answer, text);
            let cookie = a("www.pool.example").option(10, &[7; 8]);
            rows.says(&what, &cookie, Verdict::Answer, "NOERROR AA, 4 A, EDNS, cookie 24");
            let version = a("www.pool.example").opt(crate::message::OptAsked {
                version: 1,
                ..crate::message::OptAsked::default()
            });
            rows.says(&what, &version, Verdict::Badvers, "BADVERS, EDNS");
            cases.extend(rows.cases);
        }
    }
    cases
}
