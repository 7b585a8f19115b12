//! What XDP passes: the authority answers it, and the reasons are counted.

use edge_tests::netns::{Reply, Rig};

/// Asks, and checks that the authority answered and, over UDP, why XDP didn't.
fn passes(rig: &Rig, client: &str, question: &str, reason: &str) -> Reply {
    let before = rig.counters();
    let reply = rig.ask(client, question);
    let after = rig.counters();
    assert_eq!(after.xdp() - before.xdp(), 0, "{question}");
    assert_eq!(after.authority() - before.authority(), 1, "{question}");
    let n = after.passed(reason) - before.passed(reason);
    if reason == "transport" {
        assert!(n > 0, "{question}: TCP segments");
    } else {
        assert_eq!(n, 1, "{question}: {reason}");
    }
    reply
}

fn authority_answers_the_rest(mode: &'static str, client: &str) {
    let rig = Rig::serving(mode);
    // Neighbour discovery is over after this.
    let _first = rig.ask(client, "pool.example A +nocookie");

    let foreign = passes(&rig, client, "pool.invalid A +nocookie", "name");
    assert_eq!(foreign.status, "REFUSED");
    assert!(!foreign.has_flag("aa"));
    let chaos = passes(&rig, client, "version.bind CH TXT +nocookie", "class");
    assert_eq!(chaos.status, "REFUSED");
    let status = passes(&rig, client, "_status.pool.example TXT +nocookie", "name");
    assert_eq!(status.status, "NXDOMAIN", "only this host may ask");
    let country = passes(&rig, client, "_country.pool.example TXT +nocookie", "name");
    assert!(country.data().iter().any(|text| text.contains(client)), "{country:?}");
    let notify = passes(&rig, client, "pool.example SOA +nocookie +opcode=NOTIFY", "opcode");
    assert!(!notify.has_flag("tc"));
    // An option that no cookie is: FORMERR is the authority's.
    let malformed = passes(&rig, client, "pool.example A +nocookie +ednsopt=10:00", "edns");
    assert_eq!(malformed.status, "FORMERR");

    for question in ["pool.example A +tcp +nocookie", "pool.example A +tcp"] {
        let tcp = passes(&rig, client, question, "transport");
        assert_eq!(tcp.answers.len(), 4, "{}", tcp.text);
        assert!(tcp.text.contains("(TCP)"), "{}", tcp.text);
    }
    let tcp = passes(&rig, client, "2.pool.example AAAA +tcp", "transport");
    assert!(!tcp.answers.is_empty());
}

#[test]
fn native_lets_the_rest_rise_over_ipv4() {
    authority_answers_the_rest("native", "192.0.2.10");
}

#[test]
fn native_lets_the_rest_rise_over_ipv6() {
    authority_answers_the_rest("native", "2001:db8:de::10");
}

#[test]
fn generic_lets_the_rest_rise_over_ipv4() {
    authority_answers_the_rest("generic", "192.0.2.10");
}

#[test]
fn generic_lets_the_rest_rise_over_ipv6() {
    authority_answers_the_rest("generic", "2001:db8:de::10");
}

#[test]
fn the_host_itself_may_ask_for_the_status_label() {
    let mut rig = Rig::new("native");
    let config = rig.config().replace("listen = [", "listen = [\"127.0.0.1\", ");
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    let status = rig.server.read("dig +short @127.0.0.1 _status.pool.example TXT");
    assert!(status.contains("\\\"id\\\":\\\"rig\\\""), "{status}");
    let before = rig.counters();
    let reply = rig.server.read("dig +short +nocookie @127.0.0.1 pool.example A");
    assert_eq!(reply.lines().count(), 4, "the loopback interface has no XDP: {reply}");
    assert_eq!(rig.counters().authority() - before.authority(), 1);
}

#[test]
fn explain_says_who_answers_and_is_right() {
    let rig = Rig::serving("native");
    let client = "192.0.2.10".parse().unwrap();
    for (name, rtype, by) in [
        ("pool.example", "A", "xdp"),
        ("pool.example", "AAAA", "xdp"),
        ("pool.example", "TXT", "xdp"),
        ("www.pool.example", "A", "xdp"),
        ("nobody.pool.example", "A", "xdp"),
        ("_country.pool.example", "TXT", "authority"),
        ("pool.invalid", "A", "authority"),
    ] {
        let before = rig.counters();
        let text = rig.explain(name, rtype, client);
        let said = text.lines().find(|line| line.contains("answered by")).unwrap_or_default();
        assert!(said.contains(&format!("{by} (")), "{name} {rtype}: {text}");
        assert_eq!(rig.counters().xdp(), before.xdp(), "to explain is not to answer");
        let _reply = rig.ask("192.0.2.10", &format!("{name} {rtype} +nocookie"));
        let xdp = rig.counters().xdp() - before.xdp();
        assert_eq!(xdp, u64::from(by == "xdp"), "{name} {rtype}");
    }
}
