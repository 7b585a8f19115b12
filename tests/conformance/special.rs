//! Labels of no zone file: `_status`, `_health`, `_country` (geodns's).

use edge_tests::message::rtype::{A, SOA, TXT};
use edge_tests::message::{Ask, Reply, rcode};
use edge_tests::stage::{Asker, Client};
use serde_json::Value;

behaviours! {
    both: [
        status_is_for_this_host_alone,
        status_of_other_types_is_nodata_to_who_may_ask,
        health_is_for_this_host_alone,
        country_tells_everyone_about_themselves,
        country_tells_what_a_subnet_says,
        country_may_stand_before_other_labels,
        a_zones_own_label_comes_first,
        other_labels_with_an_underscore_do_not_exist,
        the_zone_pgeodns_is_always_there,
    ],
}

/// The character-strings of the only record.
fn strings(reply: &Reply) -> Vec<String> {
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1), "{reply:?}");
    assert_eq!((reply.answers[0].rtype, reply.answers[0].ttl), (TXT, 1));
    let text = reply.answers[0].data.trim_matches('"').replace("\\\"", "\u{1}");
    text.split("\" \"").map(|text| text.replace('\u{1}', "\"")).collect()
}

fn is_host(on: &Asker) -> bool {
    on.address().is_loopback()
}

fn status_is_for_this_host_alone(on: &Asker) {
    for name in ["_status.special.example", "_status.anything.special.example"] {
        let reply = on.get(name, TXT);
        if !is_host(on) {
            assert_eq!((reply.rcode, reply.answers.len()), (rcode::NXDOMAIN, 0), "{name}");
            continue;
        }
        let status: Value = serde_json::from_str(&strings(&reply).concat()).expect("JSON");
        assert_eq!(status["id"], on.stage().server_id());
        assert!(status["h"].is_string() && status["v"].is_string(), "{status}");
        let up = status["up"].as_str().expect("a text");
        assert!(up.parse::<u32>().is_ok(), "seconds: {up}");
    }
}

fn status_of_other_types_is_nodata_to_who_may_ask(on: &Asker) {
    let reply = on.get("_status.special.example", A);
    let code = if is_host(on) { rcode::NOERROR } else { rcode::NXDOMAIN };
    assert_eq!((reply.rcode, reply.answers.len()), (code, 0));
    assert_eq!(reply.authorities[0].rtype, SOA);
}

fn health_is_for_this_host_alone(on: &Asker) {
    let reply = on.get("_health.www.special.example", TXT);
    if is_host(on) {
        let text = strings(&reply).concat();
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|json| json.is_object()), "{text}");
    } else {
        assert_eq!((reply.rcode, reply.answers.len()), (rcode::NXDOMAIN, 0));
    }
}

fn country_tells_everyone_about_themselves(on: &Asker) {
    for (client, targets) in [
        (Client::Germany, "de europe @"),
        (Client::Usa, "us north-america @"),
        (Client::Brazil, "br south-america @"),
        (Client::Britain, "gb europe @"),
        (Client::Nobody, "@"),
    ] {
        let on = on.at(client);
        let told = strings(&on.get("_country.special.example", TXT));
        let [remote, ip, said, netmask, id, server, place] = told.as_slice() else {
            panic!("seven strings: {told:?}")
        };
        assert!(remote.contains(&on.address().to_string()), "{remote}");
        let port = remote.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        assert!(port.is_some_and(|port| port > 0), "{remote}");
        assert_eq!(*ip, on.address().to_string());
        assert_eq!(said, targets, "{client:?}");
        assert!(netmask.strip_prefix('/').is_some_and(|n| n.parse::<u8>().is_ok()), "{netmask}");
        assert_eq!(id, on.stage().server_id());
        assert_eq!(*server, on.server().ip().to_string());
        assert!(place.starts_with('(') && place.ends_with(')'), "{place}");
    }
}

fn country_tells_what_a_subnet_says(on: &Asker) {
    let ask = Ask::new("_country.special.example", TXT).subnet("203.0.113.0/24");
    let told = strings(&on.ask(&ask));
    assert_eq!((told[1].as_str(), told[2].as_str()), ("203.0.113.0", "jp asia @"));
    assert!(told[0].contains(&on.address().to_string()), "the sender is still told: {told:?}");
}

fn country_may_stand_before_other_labels(on: &Asker) {
    let told = strings(&on.get("_country.of.me.special.example", TXT));
    assert_eq!(told[2], "de europe @");
    let reply = on.get("_country.special.example", A);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 0));
}

fn a_zones_own_label_comes_first(on: &Asker) {
    assert_eq!(on.get("_status.real-status.example", TXT).data(), ["\"the zone's own\""]);
    let own = on.get("_country.real-status.example", TXT);
    assert_eq!((own.rcode, own.answers.len()), (rcode::NOERROR, 0), "it has another type only");
}

fn other_labels_with_an_underscore_do_not_exist(on: &Asker) {
    for name in ["_debug", "_statusx", "x._status", "_"] {
        let reply = on.get(&format!("{name}.special.example"), TXT);
        assert_eq!(reply.rcode, rcode::NXDOMAIN, "{name}");
    }
}

fn the_zone_pgeodns_is_always_there(on: &Asker) {
    let reply = on.get("pgeodns", SOA);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1));
    let told = strings(&on.get("_country.pgeodns", TXT));
    assert_eq!(told[1], on.address().to_string());
    let status = on.get("_status.pgeodns", TXT);
    assert_eq!(status.rcode, if is_host(on) { rcode::NOERROR } else { rcode::NXDOMAIN });
    assert_eq!(on.get("nobody.pgeodns", A).rcode, rcode::NXDOMAIN);
}
