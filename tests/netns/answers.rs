//! What XDP answers: the records for the client's country, without help.

use edge_tests::netns::{CLIENTS, Rig};

/// The addresses of a country's servers begin like this; an empty country is anywhere.
fn prefix(country: &str, rtype: &str) -> &'static str {
    match (country, rtype) {
        ("DE", "A") => "10.49.0.",
        ("US", "A") => "10.1.0.",
        ("JP", "A") => "10.81.0.",
        ("BR", "A") => "10.55.0.",
        ("GB", "A") => "10.44.0.",
        ("", "A") => "10.",
        // Great Britain has no label of its own here: Europe's servers are Germany's.
        ("DE" | "GB", _) => "fd00:49::",
        ("US", _) => "fd00:1::",
        ("JP", _) => "fd00:81::",
        ("BR", _) => "fd00:55::",
        _ => "fd00:",
    }
}

/// How a question is asked; all of it is for XDP.
const MANNERS: [&str; 4] =
    ["+noedns", "+edns +nocookie", "+nocookie +dnssec +bufsize=4096", "+noedns +norecurse +cdflag"];

/// Asks from an address, and checks all that is the same for every reply.
fn ask(rig: &Rig, client: &str, name: &str, rtype: &str, manner: &str) -> Vec<String> {
    let reply = rig.ask(client, &format!("{name} {rtype} {manner}"));
    let what = format!("{name} {rtype} {manner} from {client}: {}", reply.text);
    assert_eq!(reply.status, "NOERROR", "{what}");
    assert!(reply.has_flag("qr") && reply.has_flag("aa"), "{what}");
    assert!(!reply.has_flag("ra") && !reply.has_flag("tc"), "{what}");
    assert_eq!(reply.has_flag("rd"), !manner.contains("+norecurse"), "{what}");
    assert_eq!(reply.has_flag("cd"), manner.contains("+cdflag"), "{what}");
    assert_eq!(reply.edns.is_empty(), manner.contains("+noedns"), "{what}");
    assert_eq!(reply.question, format!("{name}. IN {rtype}"), "{what}");
    if reply.answers.is_empty() {
        assert_eq!(reply.authorities.len(), 1, "{what}");
        let soa = &reply.authorities[0];
        assert_eq!((soa.rtype.as_str(), soa.ttl), ("SOA", 1500), "{what}");
        assert!(soa.owner.eq_ignore_ascii_case("pool.example."), "{what}");
    }
    for record in &reply.answers {
        assert_eq!((record.rtype.as_str(), record.ttl), (rtype, 150), "{what}");
        assert_eq!(record.owner, format!("{name}."), "{what}");
    }
    let mut data: Vec<String> = reply.data().into_iter().map(str::to_owned).collect();
    let n = data.len();
    data.sort_unstable();
    data.dedup();
    assert_eq!(data.len(), n, "no record twice: {what}");
    data
}

/// Asks for much from every client; gives the number of questions.
fn ask_all(rig: &Rig) -> u64 {
    let mut asked = 0;
    for (client, country) in CLIENTS {
        for manner in MANNERS {
            for (name, rtype, most) in [
                ("pool.example", "A", 4),
                ("PooL.eXaMPLe", "A", 4),
                ("debian.pool.example", "A", 4),
                ("2.pool.example", "AAAA", 4),
                ("2.DEBIAN.pool.example", "AAAA", 4),
            ] {
                let data = ask(rig, client, name, rtype, manner);
                let wanted = match (country, rtype) {
                    ("DE" | "US", "A") | ("", _) => most,
                    ("GB", "A") => 3,
                    ("JP", "A") | ("DE" | "GB", "AAAA") => 2,
                    _ => 1,
                };
                assert_eq!(data.len(), wanted, "{name} {rtype} from {client}: {data:?}");
                let prefix = prefix(country, rtype);
                assert!(data.iter().all(|ip| ip.starts_with(prefix)), "{client}: {data:?}");
                asked += 1;
            }
            // The same for everyone.
            assert_eq!(ask(rig, client, "br.pool.example", "A", manner), ["10.55.0.1"]);
            assert_eq!(ask(rig, client, "ns1.pool.example", "AAAA", manner), ["fd53::1"]);
            let none = Vec::<String>::new();
            assert_eq!(ask(rig, client, "pool.example", "AAAA", manner), none);
            assert_eq!(ask(rig, client, "3.pool.example", "AAAA", manner), none);
            asked += 4;
        }
    }
    asked
}

fn xdp_answers_all(mode: &'static str, offload: &str) {
    let rig = Rig::serving(mode);
    assert_eq!(rig.status()["xdp"][0]["mode"], mode);
    if offload == "off" {
        rig.client.run("ethtool -K cli tx off");
    }
    let features = rig.client.read("ethtool -k cli");
    assert!(features.contains(&format!("tx-checksumming: {offload}")), "{features}");
    let before = rig.counters();
    let asked = ask_all(&rig);
    let after = rig.counters();
    assert_eq!(after.xdp() - before.xdp(), asked);
    assert_eq!(after.authority() - before.authority(), 0);
    assert_eq!(after.dropped(), 0);
}

#[test]
fn native_with_checksum_offload_answers_every_client() {
    xdp_answers_all("native", "on");
}

#[test]
fn generic_with_checksum_offload_answers_every_client() {
    xdp_answers_all("generic", "on");
}

#[test]
fn native_without_checksum_offload_answers_every_client() {
    xdp_answers_all("native", "off");
}

#[test]
fn generic_without_checksum_offload_answers_every_client() {
    xdp_answers_all("generic", "off");
}

#[test]
fn with_xdp_off_the_authority_gives_the_same_answers() {
    let rig = Rig::serving("off");
    assert_eq!(rig.status()["xdp"].as_array().map(Vec::len), Some(0));
    let before = rig.counters();
    let asked = ask_all(&rig);
    let after = rig.counters();
    assert_eq!(after.xdp(), 0);
    assert_eq!(after.authority() - before.authority(), asked);
    assert_eq!(rig.attached(), None);
}

#[test]
fn a_pool_larger_than_an_answer_is_dealt_out_in_turns() {
    let rig = Rig::serving("native");
    let mut seen = std::collections::BTreeSet::new();
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let reply = rig.ask("192.0.2.10", "pool.example A +nocookie");
        first.insert(reply.data()[0].to_owned());
        seen.extend(reply.data().into_iter().map(str::to_owned));
    }
    // Five servers of which four fit; even the lightest stands in a third of the answers.
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(first.len() > 2, "{first:?}");
}
