//! dig, kdig and drill with all their options: XDP answers every query.

use edge_tests::netns::{Reply, Rig, SERVER};

/// Clients of both families, both in Germany.
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8:de::10"];
/// A subnet in Japan, of either family; the scope of an answer that is for all of it.
const JAPAN: &str = "203.0.113.0/24";
/// A subnet in Brazil.
const BRAZIL: &str = "2001:db8:b0::/48";

fn server(client: &str) -> &'static str {
    if client.contains(':') { SERVER[1] } else { SERVER[0] }
}

/// Does something; XDP has to answer as many queries as that says it asked, and the authority none.
fn all_in_xdp(rig: &Rig, work: impl FnOnce() -> u64) {
    let before = rig.counters();
    let asked = work();
    let after = rig.counters();
    let counted = (after.xdp() - before.xdp(), after.authority() - before.authority());
    assert_eq!(counted, (asked, 0), "answered by XDP and by the authority; {after:?}");
}

/// A rig whose neighbours know each other.
fn rig() -> Rig {
    let rig = Rig::serving("native");
    for client in CLIENTS {
        let _first = rig.ask(client, "pool.example A +nocookie");
    }
    rig
}

/// The data of the records that kdig or drill printed.
fn data(text: &str) -> Vec<String> {
    let records = text.lines().filter(|line| !line.starts_with(';') && !line.trim().is_empty());
    records.map(|line| line.split_whitespace().skip(4).collect::<Vec<_>>().join(" ")).collect()
}

/// The cookie of a reply as dig prints it, and whether dig found it good.
fn cookie(reply: &Reply) -> (&str, bool) {
    let line = reply.text.lines().find_map(|line| line.strip_prefix("; COOKIE: "));
    let line = line.unwrap_or_else(|| panic!("no cookie: {}", reply.text));
    (line.split_whitespace().next().unwrap_or_default(), line.ends_with("(good)"))
}

#[test]
fn dig_with_cookie_nsid_and_subnet_is_answered() {
    let rig = rig();
    all_in_xdp(&rig, || {
        for client in CLIENTS {
            let ask = |more: &str| {
                rig.ask(client, &format!("pool.example A +cookie +nsid +subnet={JAPAN} {more}"))
            };
            for more in ["", "+dnssec", "+bufsize=512", "+padding=128", "+ednsopt=65001:00ff"] {
                let reply = ask(more);
                assert_eq!(
                    (reply.status.as_str(), reply.answers.len()),
                    ("NOERROR", 2),
                    "{reply:?}"
                );
                assert!(reply.data().iter().all(|ip| ip.starts_with("10.81.0.")), "{reply:?}");
                assert!(reply.text.contains("CLIENT-SUBNET: 203.0.113.0/24/24"), "{}", reply.text);
                assert!(reply.text.contains("(\"rig\")"), "{}", reply.text);
                assert!(cookie(&reply).1, "{}", reply.text);
            }
        }
        10
    });
}

#[test]
fn dig_that_shows_its_cookie_again_keeps_it() {
    let rig = rig();
    all_in_xdp(&rig, || {
        for client in CLIENTS {
            let first = rig.ask(client, "2.pool.example AAAA +cookie=0102030405060708");
            let (shown, good) = cookie(&first);
            assert!(good && shown.len() == 48, "{}", first.text);
            let again = rig.ask(client, &format!("2.pool.example AAAA +cookie={shown}"));
            assert_eq!(cookie(&again), (shown, true));
            // Somebody else's doesn't hold, and is replaced.
            let forged =
                format!("{}{}", &shown[..46], if shown.ends_with("00") { "01" } else { "00" });
            let other = rig.ask(client, &format!("2.pool.example AAAA +cookie={forged}"));
            let fresh = cookie(&other).0;
            assert!(fresh != forged && fresh.starts_with("0102030405060708"), "{}", other.text);
            assert_eq!(other.answers.len(), 2, "{}", other.text);
        }
        6
    });
}

#[test]
fn dig_asks_for_every_type_of_a_name() {
    let rig = rig();
    all_in_xdp(&rig, || {
        for client in CLIENTS {
            let ask = |question: &str| rig.ask(client, &format!("{question} +cookie +nsid"));
            let soa = ask("pool.example SOA");
            assert_eq!(soa.answers[0].ttl, 1500, "{}", soa.text);
            let ns = ask("pool.example NS");
            assert_eq!((ns.answers.len(), ns.answers[0].ttl), (2, 86_400), "{}", ns.text);
            let txt = ask("pool.example TXT");
            assert_eq!(txt.data(), ["\"a pool of time servers that do not exist\""]);
            assert_eq!(ask("pool.example MX").data(), ["10 mail.pool.example."]);
            let cname = ask("www.pool.example A");
            assert_eq!(
                (cname.answers[0].rtype.as_str(), cname.data()),
                ("CNAME", vec!["www.example."])
            );
            for rtype in ["HTTPS", "SRV", "DS", "CAA", "TYPE65280"] {
                let nodata = ask(&format!("2.debian.pool.example {rtype}"));
                assert_eq!(nodata.status, "NOERROR", "{}", nodata.text);
                assert!(
                    nodata.answers.is_empty() && nodata.authorities.len() == 1,
                    "{}",
                    nodata.text
                );
            }
            for name in ["nobody", "a.b.c.nobody", "nobody.debian", "_", "status", &"x".repeat(63)]
            {
                let missing = ask(&format!("{name}.pool.example A"));
                assert_eq!(missing.status, "NXDOMAIN", "{}", missing.text);
                assert!(
                    missing.has_flag("aa") && missing.authorities.len() == 1,
                    "{}",
                    missing.text
                );
            }
            assert_eq!(ask("pool.example A +edns=1 +noednsneg").status, "BADVERS");
        }
        2 * (5 + 5 + 6 + 1)
    });
}

#[test]
fn kdig_is_answered_with_its_options() {
    let rig = rig();
    all_in_xdp(&rig, || {
        for client in CLIENTS {
            let kdig = |question: &str| {
                let server = server(client);
                rig.client.read(&format!("kdig @{server} -b {client} +retry=0 {question}"))
            };
            let text =
                kdig(&format!("pool.example A +subnet={JAPAN} +nsid +cookie +padding=64 +edns"));
            assert!(text.contains("status: NOERROR"), "{text}");
            assert!(text.contains("203.0.113.0/24/24") && text.contains("\"rig\""), "{text}");
            assert!(text.contains("COOKIE"), "{text}");
            let answers = data(&text);
            assert_eq!(answers.len(), 2, "{text}");
            assert!(answers.iter().all(|ip| ip.starts_with("10.81.0.")), "{text}");
            let text = kdig(&format!("2.pool.example AAAA +subnet={BRAZIL} +edns"));
            assert_eq!(data(&text), ["fd00:55::1"], "{text}");
            let text = kdig("pool.example HTTPS +dnssec");
            assert!(text.contains("status: NOERROR") && text.contains("SOA"), "{text}");
            let text = kdig("nobody.pool.example AAAA +nsid");
            assert!(text.contains("status: NXDOMAIN"), "{text}");
        }
        8
    });
}

#[test]
fn drill_is_answered() {
    let rig = rig();
    all_in_xdp(&rig, || {
        for client in CLIENTS {
            let drill = |question: &str| {
                let server = server(client);
                rig.client.read(&format!("drill -I {client} {question} @{server}"))
            };
            for question in ["pool.example A", "-b 1232 pool.example A", "-D pool.example A"] {
                let text = drill(question);
                let answers = data(&text);
                assert_eq!(answers.len(), 4, "{text}");
                assert!(answers.iter().all(|ip| ip.starts_with("10.49.0.")), "{text}");
            }
            let text = drill("nobody.pool.example A");
            assert!(text.contains("rcode: NXDOMAIN"), "{text}");
        }
        8
    });
}
