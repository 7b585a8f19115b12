//! Real resolvers: what their clients get is right, and it comes from XDP.

use std::collections::BTreeSet;

use edge_tests::netns::{Resolver, ResolverKind, Rig};

const ZONE: &str = "pool.example";
/// The resolver's own address, in Germany.
const RESOLVER: &str = "192.0.2.10";
/// The share of queries that XDP has to answer.
const SHARE: f64 = 0.999;
/// Names that don't exist, and aren't in anybody's cache.
const MISSING: usize = 40;

/// Asks for something of every kind.
fn look_up(rig: &Rig, resolver: &Resolver) {
    let ask = |question: &str| resolver.ask(rig, "127.0.0.1", question);
    for name in ["", "debian."] {
        let a = ask(&format!("{name}{ZONE} A"));
        assert_eq!((a.status.as_str(), a.answers.len()), ("NOERROR", 4), "{}", a.text);
        assert!(a.data().iter().all(|ip| ip.starts_with("10.49.0.")), "{}", a.text);
        assert!(a.answers.iter().all(|record| record.ttl <= 150), "{}", a.text);
    }
    for name in ["2.", "2.debian.", "2.de."] {
        let aaaa = ask(&format!("{name}{ZONE} AAAA"));
        let servers: BTreeSet<_> = aaaa.data().into_iter().collect();
        assert_eq!(servers, ["fd00:49::1", "fd00:49::2"].into(), "{}", aaaa.text);
    }
    for question in ["2.pool.example HTTPS", "pool.example AAAA", "3.debian.pool.example AAAA"] {
        let nodata = ask(question);
        assert_eq!(
            (nodata.status.as_str(), nodata.answers.len()),
            ("NOERROR", 0),
            "{}",
            nodata.text
        );
        assert_eq!(nodata.authorities.len(), 1, "{}", nodata.text);
    }
    assert_eq!(ask("pool.example TXT").data(), ["\"a pool of time servers that do not exist\""]);
    assert_eq!(ask("pool.example MX").data(), ["10 mail.pool.example."]);
    assert_eq!(ask("pool.example NS").answers.len(), 2);
    assert_eq!(ask("pool.example SOA").answers.len(), 1);
    assert_eq!(ask("www.pool.example CNAME").data(), ["www.example."]);
    for n in 0..MISSING {
        let below = ["", "debian.", "a.b.", "de."][n % 4];
        let missing = ask(&format!("nobody{n}.{below}{ZONE} A"));
        assert_eq!(missing.status, "NXDOMAIN", "{}", missing.text);
        // BIND has it from a name above, whose SOA it doesn't repeat.
        assert!(!below.is_empty() || missing.authorities.len() == 1, "{}", missing.text);
    }
}

/// A node, a resolver that asks it, and what has to be true of both.
fn resolves(kind: ResolverKind, more: impl FnOnce(&Rig, &Resolver)) {
    let rig = Rig::serving("native");
    let resolver = Resolver::start(kind, &rig, ZONE, RESOLVER);
    let before = rig.counters();
    look_up(&rig, &resolver);
    more(&rig, &resolver);
    let after = rig.counters();
    let queries = after.xdp() + after.authority() - before.xdp() - before.authority();
    assert!(queries >= u64::try_from(MISSING).unwrap(), "only {queries} queries came");
    let share = after.share_since(&before);
    assert!(share >= SHARE, "{kind:?}: {share} of {queries} queries in XDP: {after:?}");
}

#[test]
fn unbound_resolves_for_clients_of_several_countries() {
    resolves(ResolverKind::Unbound, |rig, resolver| {
        // It sends the subnet of the client, and must not give one country's answer to another.
        for _ in 0..2 {
            for (client, prefix, n) in [
                ("192.0.2.10", "10.49.0.", 4),
                ("198.51.100.10", "10.1.0.", 4),
                ("203.0.113.10", "10.81.0.", 2),
            ] {
                let reply = resolver.ask(rig, client, "pool.example A");
                assert_eq!(reply.answers.len(), n, "{client}: {}", reply.text);
                let right = reply.data().iter().all(|ip| ip.starts_with(prefix));
                assert!(right, "{client}: {}", reply.text);
            }
        }
    });
}

#[test]
fn bind_resolves_with_cookies_and_minimised_names() {
    resolves(ResolverKind::Named, |_, _| {});
}

#[test]
fn knot_resolver_forwards() {
    resolves(ResolverKind::Kresd, |_, _| {});
}
