//! The SOA record: asked for, and in negative answers.

use edge_tests::message::rtype::{A, SOA, TXT};
use edge_tests::message::{Record, rcode};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        the_soa_has_the_first_name_server_contact_and_serial,
        without_name_server_and_contact_they_are_the_zones,
        the_soas_ttl_is_ten_times_the_zones_and_at_most_an_hour,
        a_zone_with_ttl_zero_has_an_soa_of_ten_minutes,
        the_soa_stands_at_the_apex_only,
        a_negative_answers_soa_is_the_same_with_the_lesser_ttl,
        the_name_of_the_file_is_the_zones_letter_case,
        a_zone_without_data_has_an_soa,
    ],
}

fn soa(on: &Asker, zone: &str) -> Record {
    let reply = on.get(zone, SOA);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1), "{zone}");
    reply.answers[0].clone()
}

const TIMERS: &str = "5400 5400 1209600 3600";

fn the_soa_has_the_first_name_server_contact_and_serial(on: &Asker) {
    let wanted = format!("ns1.geo.example. ops.geo.example. 2026112201 {TIMERS}");
    assert_eq!(soa(on, "geo.example").data, wanted);
    let wanted = format!("b.ns.example. hostmaster.soa-long.example. 8 {TIMERS}");
    assert_eq!(soa(on, "soa-long.example").data, wanted);
    let wanted = format!("ns.soa-zero.example. someone.example.net. 9 {TIMERS}");
    assert_eq!(soa(on, "soa-zero.example").data, wanted);
}

fn without_name_server_and_contact_they_are_the_zones(on: &Asker) {
    let wanted = format!("ns.soa-default.example. hostmaster.soa-default.example. 7 {TIMERS}");
    assert_eq!(soa(on, "soa-default.example").data, wanted);
}

fn the_soas_ttl_is_ten_times_the_zones_and_at_most_an_hour(on: &Asker) {
    assert_eq!(soa(on, "geo.example").ttl, 1500);
    assert_eq!(soa(on, "soa-default.example").ttl, 1200);
    assert_eq!(soa(on, "soa-long.example").ttl, 3600);
}

fn a_zone_with_ttl_zero_has_an_soa_of_ten_minutes(on: &Asker) {
    assert_eq!(soa(on, "soa-zero.example").ttl, 600);
    assert_eq!(on.get("www.soa-zero.example", A).answers[0].ttl, 0);
}

fn the_soa_stands_at_the_apex_only(on: &Asker) {
    let reply = on.get("www.geo.example", SOA);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 0));
    assert_eq!(reply.authorities[0].owner, "geo.example.");
}

fn a_negative_answers_soa_is_the_same_with_the_lesser_ttl(on: &Asker) {
    for (zone, ttl) in
        [("geo.example", 1500), ("soa-long.example", 3600), ("soa-zero.example", 600)]
    {
        let asked = soa(on, zone);
        for (label, kind) in [("www", TXT), ("nobody", A)] {
            let reply = on.get(&format!("{label}.{zone}"), kind);
            if label == "www" && zone == "geo.example" {
                continue;
            }
            let [told] = reply.authorities.as_slice() else { panic!("{reply:?}") };
            assert_eq!((&told.data, told.ttl, told.rtype), (&asked.data, ttl, SOA), "{zone}");
        }
    }
}

fn the_name_of_the_file_is_the_zones_letter_case(on: &Asker) {
    let soa = soa(on, "mixed.example");
    assert_eq!(soa.data, format!("ns.Mixed.Example. hostmaster.Mixed.Example. 5 {TIMERS}"));
}

fn a_zone_without_data_has_an_soa(on: &Asker) {
    let wanted = format!("ns.bare.example. hostmaster.bare.example. 4 {TIMERS}");
    assert_eq!(soa(on, "bare.example").data, wanted);
}
