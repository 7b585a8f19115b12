//! Tests of signed zones whose signatures are wrong.
//!
//! The key's secret half is gone; what it signed is in `tests/fixtures/feed`.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::node::Node;
use crate::server::{Reply, Server, error, page, plain};

const KEY: &str = include_str!("../../../tests/fixtures/feed/key.pub");
const FIRST: &str = include_str!("../../../tests/fixtures/feed/first.json");
const FIRST_SIGN: &str = include_str!("../../../tests/fixtures/feed/first.json.minisig");
const SECOND: &str = include_str!("../../../tests/fixtures/feed/second.json");
const SECOND_SIGN: &str = include_str!("../../../tests/fixtures/feed/second.json.minisig");
const FOREIGN_SIGN: &str = include_str!("../../../tests/fixtures/feed/second.foreign.minisig");
const FORGED_SIGN: &str = include_str!("../../../tests/fixtures/feed/second.forged.minisig");

/// A document and its signature; none is a 404.
type Signed = (&'static str, Option<&'static str>);

#[test]
fn a_zone_without_the_keys_signature_for_it_is_refused_and_the_last_good_stays() {
    let said: Arc<Mutex<Signed>> = Arc::new(Mutex::new((FIRST, Some(FIRST_SIGN))));
    let (saying, listener) = (Arc::clone(&said), TcpListener::bind("127.0.0.1:0").unwrap());
    let server = Server::start(listener, plain(), move |head| {
        let (document, signature) = *saying.lock().unwrap();
        let is_signature = head.starts_with("GET /api/dns-zone.minisig?origin=signed.example ");
        Reply::Say(match (is_signature, signature) {
            (false, _) => page("", document.as_bytes()),
            (true, Some(text)) => page("", text.as_bytes()),
            (true, None) => error("404 Not Found"),
        })
    });
    let mut node = Node::new(&format!(
        "[feed.guard]\npublic_key_file = \"key.pub\"\n\
         [feed.zones]\nurl = \"http://{}\"\norigins = [\"signed.example\"]\nevery_seconds = 1\n",
        server.address()
    ));
    node.write("key.pub", KEY.as_bytes());
    node.start();
    let serves = |n: u8| node.ask("one.signed.example") == Some(vec![[192, 0, 2, n].into()]);
    // They are from 1970; that is all that is wrong.
    let well = || node.errors().iter().all(|error| error.contains("the newest data are"));
    node.until("the first is served", |_| serves(1) && well());
    for (signature, kind, says) in [
        (None, "unsigned", "not signed; sign it with"),
        (Some(FORGED_SIGN), "signature", "made with another key"),
        (Some(FIRST_SIGN), "signature", "not of these octets"),
        (Some(FOREIGN_SIGN), "signature", "doesn't name this zone"),
        (Some("untrusted comment: x\n"), "signature", "not the text of a .minisig file"),
    ] {
        let asked = server.asked().len();
        *said.lock().unwrap() = (SECOND, signature);
        node.until(says, |node| {
            let status = node.status();
            status["feed"]["refusals"][kind].as_u64() > Some(0)
                && status["feed"]["last_refusal"].as_str().is_some_and(|text| text.contains(says))
        });
        // And again: two requests a look.
        node.until("it is asked again", |_| server.asked().len() > asked + 5);
        assert!(serves(1), "{says}");
        let metric = format!("edge_feed_refusals_total{{kind=\"{kind}\"}}");
        assert!(node.metric(&metric) > Some(0.5), "{says}");
        *said.lock().unwrap() = (FIRST, Some(FIRST_SIGN));
        node.until("the first is good again", |_| well());
        assert_eq!(node.warnings(&[says]).len(), 1, "{:#?}", node.log());
    }
    *said.lock().unwrap() = (SECOND, Some(SECOND_SIGN));
    node.until("the second is served", |_| serves(2) && well());
}
