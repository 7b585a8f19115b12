//! The zones and clients of the tests.
//!
//! The zones have everything that the tables must get right.

use ipnet::IpNet;

use edge_zone::geo::fixture;
use edge_zone::geo::{DatabaseKind, Databases};

/// In Germany, France, California, New York, Brazil (IPv6), and nowhere.
pub(super) const CLIENTS: [&str; 6] =
    ["5.0.0.7", "6.0.1.9", "7.0.0.1", "7.1.0.1", "2a00:55::1", "100.65.0.1"];

pub(super) fn databases() -> Databases {
    let net = |text: &str| -> IpNet { text.parse().unwrap() };
    let places: Vec<_> = [
        ("5.0.0.0/16", "DE", "BE"),
        ("6.0.0.0/16", "FR", "IDF"),
        ("7.0.0.0/16", "US", "CA"),
        ("7.1.0.0/16", "US", "NY"),
        ("2a00:55::/32", "BR", "SP"),
    ]
    .into_iter()
    .map(|(prefix, country, state)| (net(prefix), country, state, (1.0, 2.0)))
    .collect();
    let countries: Vec<_> = places.iter().map(|(net, country, ..)| (*net, *country)).collect();
    let asns = [(net("5.0.0.0/20"), 64_500), (net("7.0.0.0/9"), 64_501)];
    fixture::databases([
        (DatabaseKind::Country, fixture::country(&countries)),
        (DatabaseKind::City, fixture::city(&places)),
        (DatabaseKind::Asn, fixture::asn(&asns)),
    ])
}

/// Zones side by side and within each other.
pub(super) const ALL: &[(&str, &str)] = &[
    (
        "plain.test",
        r#"{"serial": 7, "ttl": 60, "max_hosts": 2, "data": {
  "": {"ns": ["ns1.plain.test.", "ns2.Plain.test.", "ns.example.net."], "a": [["192.0.2.1"]],
       "mx": [{"mx": "mx1.plain.test.", "preference": 5}, {"mx": "mx2.plain.test.", "preference": 6}]},
  "europe": {"a": [["192.0.2.2"], ["192.0.2.3"], ["192.0.2.4"]], "txt": "europe"},
  "de": {"aaaa": [["2001:db8::1"]]},
  "www": {"a": [["192.0.2.5", 3], ["192.0.2.6", 2], ["192.0.2.7", 1]], "ttl": 5},
  "www.de": {"a": [["192.0.2.8"]], "caa": ["0 issue \"ca.example.net\""]},
  "virtual.europe": {"a": [["192.0.2.9"]]},
  "virtual.north-america": {"txt": "here"},
  "seen.europe": {"a": [["192.0.2.9"]]},
  "_country.de": {"a": [["192.0.2.9"]]},
  "one": {"cname": "target.example.net.", "ttl": 9},
  "two": {"cname": [["web1", 2], ["web2", 1]]},
  "odd.europe": {"cname": "www.example.org."},
  "odd": {"txt": "odd"},
  "alias": {"alias": "www"},
  "alias2": {"alias": "alias"},
  "alias-own": {"alias": "www", "txt": "own", "a": [["192.0.2.99"]]},
  "alias-txt": {"alias": "odd", "aaaa": [["2001:db8::9"]]},
  "alias-cname": {"alias": "one"},
  "alias-apex": {"alias": ""},
  "alias-nowhere": {"alias": "nowhere", "txt": "fallback"},
  "alias-virtual": {"alias": "virtual"},
  "alias.de": {"mx": [{"mx": "a.plain.test."}]},
  "texts": {"txt": [{"txt": "a", "weight": 1}, {"txt": "b", "weight": 1}]},
  "some": {"txt": [{"txt": "a", "weight": 3}, {"txt": "b", "weight": 2}, {"txt": "c", "weight": 2}, {"txt": "d", "weight": 1}]},
  "weighed": {"mx": [{"mx": "a.mail.org.", "weight": 1}, {"mx": "b.mail.org.", "weight": 2}, {"mx": "c.mail.org.", "weight": 0}]},
  "a-longer-name.weighed": {"mx": [{"mx": "a.mail.org.", "weight": 1}, {"mx": "b.mail.org.", "weight": 2}]},
  "ptr": {"ptr": [["a.plain.test."], ["b.plain.test."]]},
  "alias-ptr": {"alias": "ptr"},
  "alias-ptr.de": {"alias": "ptr"},
  "_ntp._udp": {"srv": [{"target": "www", "port": 123, "priority": 1, "srv_weight": 2}]},
  "https": {"https": ["1 . alpn=h2"], "svcb": ["1 . alpn=h2"], "spf": "v=spf1 -all"},
  "every": {"a": [["192.0.2.11"]], "ns": ["ns.every.plain.test."], "ptr": [["x."]], "mx": [{"mx": "x."}],
            "txt": "t", "srv": [{"target": "x."}], "spf": "s", "ds": ["1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
            "https": ["1 ."], "svcb": ["1 ."], "caa": ["0 issue \"x\""]},
  "ds": {"ds": ["1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]},
  "long": {"txt": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
  "none": {"max_hosts": 0, "a": [["192.0.2.9", 1]], "txt": ["all", "of", "them"]},
  "empty": {"a": []},
  "sick": {"health": {"name": "f"}, "a": [["192.0.2.9", 1]], "txt": "sick"},
  "near": {"closest": true, "max_hosts": 1, "a": [["192.0.2.1"], ["192.0.2.2"]], "txt": "near"},
  "six": {"max_hosts": 6, "a": [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.3"], ["192.0.2.4"], ["192.0.2.5"], ["192.0.2.6"]],
          "aaaa": [["2001:db8::1"], ["2001:db8::2"], ["2001:db8::3"], ["2001:db8::4"], ["2001:db8::5"]]},
  "far.under.the.tree": {"a": [["192.0.2.10"]]},
  "a-name-of-more-than-thirty-two-octets": {"a": [["192.0.2.10"]], "mx": [{"mx": "a.b."}, {"mx": "c.b."}]},
  "child": {"a": [["192.0.2.66"]], "ds": ["1 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]},
  "x.child": {"a": [["192.0.2.66"]]},
  "left": {"a": [["192.0.2.66"]]}
}}"#,
    ),
    (
        "wild.test",
        r#"{"serial": 8, "ttl": 3600, "data": {
  "": {"ns": ["ns.wild.test."]},
  "*": {"a": [["192.0.2.1"]], "ns": ["ns1.wild.test.", "ns2.wild.test."], "txt": "any"},
  "*.europe": {"a": [["192.0.2.2"]], "txt": "europe"},
  "no": {"a": [["192.0.2.3"]]},
  "ent.deep": {"a": [["192.0.2.3"]]},
  "*.alias": {"cname": "there.example.net."},
  "*.pool": {"a": [["192.0.2.4"], ["192.0.2.5"], ["192.0.2.6"]], "ns": ["a.n.org.", "b.n.org."]},
  "*.only.de": {"a": [["192.0.2.7"]]},
  "only": {"txt": "only"},
  "v.europe": {"a": [["192.0.2.8"]]},
  "w.v.europe": {"a": [["192.0.2.8"]]},
  "*.near": {"closest": true, "max_hosts": 1, "a": [["192.0.2.1"], ["192.0.2.2"]]},
  "*.to": {"alias": "no"},
  "*.st": {"a": [["192.0.2.9"]]},
  "x.*.odd": {"a": [["192.0.2.9"]]},
  "m": {"a": [["192.0.2.9"]]},
  "_status.europe": {"a": [["192.0.2.9"]]}
}}"#,
    ),
    (
        "child.plain.test",
        r#"{"ttl": 0, "data": {"": {"ns": ["ns.plain.test."]}, "w": {"a": [["192.0.2.77"]]}, "v.de": {"txt": "v"}}}"#,
    ),
    ("left.plain.test", r#"{"data": {"": {"txt": "left"}, "x": {"a": [["192.0.2.78"]]}}}"#),
    ("deep.down.plain.test", r#"{"data": {"": {"txt": "deep"}}}"#),
    ("c.virtual.plain.test", r#"{"data": {"": {"txt": "c"}}}"#),
    ("c.v.wild.test", r#"{"data": {"": {"txt": "c"}}}"#),
    ("n.m.wild.test", r#"{"data": {"": {"txt": "n"}, "*": {"a": [["192.0.2.7"]]}}}"#),
    ("o.p.q.wild.test", r#"{"data": {"": {"txt": "o"}}}"#),
    ("*.st.wild.test", r#"{"data": {"": {"txt": "star"}}}"#),
    (
        "only.test",
        r#"{"targeting": "@", "data": {"": {"a": [["192.0.2.1"]]}, "x.de": {"a": [["192.0.2.1"]]}, "y.europe": {"a": [["192.0.2.1"]]}}}"#,
    ),
    (
        "some.test",
        r#"{"targeting": "country", "data": {"": {"a": [["192.0.2.1"]]}, "x": {"a": [["192.0.2.1"]]}, "x.de": {"a": [["192.0.2.2"]]}, "us": {"txt": "us"}}}"#,
    ),
    (
        "all.test",
        r#"{"targeting": "@ continent country regiongroup region asn ip", "data": {"": {"a": [["192.0.2.1"]]},
  "x": {"a": [["192.0.2.1"]]}, "x.as64500": {"cname": "a.as"}, "x.us-ca": {"a": [["192.0.2.2"]], "https": ["1 ."]},
  "x.[6.0.1.0]": {"txt": "net"}, "v.as64501": {"a": [["192.0.2.3"]]}, "v.[5.0.0.7]": {"mx": [{"mx": "x."}]},
  "x.us-west": {"aaaa": [["2001:db8::1"]]}, "*.w": {"a": [["192.0.2.4"]]}, "*.w.us-ny": {"a": [["192.0.2.5"]]}}}"#,
    ),
    ("empty.test", r#"{"data": {}}"#),
];

/// The root zone, and others.
pub(super) const ROOT: &[(&str, &str)] = &[
    (
        ".",
        r#"{"data": {"": {"ns": ["a.ns.", "b.ns."]}, "x": {"a": [["192.0.2.1"]]}, "x.y": {"txt": "y"}}}"#,
    ),
    ("a.test", r#"{"data": {"": {"ns": ["a.ns."]}, "x": {"a": [["192.0.2.1"]]}}}"#),
    ("b.test", r#"{"data": {"": {"ns": ["a.ns."]}, "x": {"a": [["192.0.2.1"]]}}}"#),
];
