//! Tests of the accounts of the authority's own responses.

use std::sync::Arc;

use super::{Account, opt_start};
use edge_authority::fixture::{
    A, AAAA, ANY, Ask, Atlas, CNAME, MX, NS, PTR, SRV, TXT, ask, opt, serving, zone,
};
use edge_authority::{Options, Serving};

fn account(ask: &Ask) -> Account {
    Account::of(&serving(), &ask.raw(), &[], ask.from.ip()).unwrap()
}

#[test]
fn an_account_has_the_question_the_answer_and_why() {
    let account = account(&ask("PooL.example.com", A).from("198.51.100.7"));
    let expect = Account {
        origin: "Example.com".into(),
        name: "pool.example.com.".into(),
        qtype: A,
        rcode: 0,
        answers: 1,
        targets: vec!["us".into(), "north-america".into(), "@".into()],
        data: vec!["198.51.100.1".into()],
        label: "pool.us".into(),
        remote: "198.51.100.7".parse().unwrap(),
        client: ("198.51.100.7".parse().unwrap(), 32),
        has_subnet: false,
    };
    assert_eq!(account, expect);
}

#[test]
fn data_are_told_as_geodns_tells_them() {
    for (name, rtype, label, data) in [
        ("example.com", NS, "", &["ns1.example.net.", "ns.example.com."][..]),
        ("example.com", MX, "", &["mail.example.com."]),
        ("texts.example.com", TXT, "texts", &["one", "two", "three"]),
        ("_ntp._udp.example.com", SRV, "_ntp._udp", &["pool.example.com."]),
        ("ptr.example.com", PTR, "ptr", &[]),
        ("alias.example.com", A, "pool", &[]),
    ] {
        let mut account = account(&ask(name, rtype));
        assert_eq!(account.label, label, "{name}");
        if !data.is_empty() || rtype == PTR {
            account.data.sort_unstable();
            let mut data = data.to_vec();
            data.sort_unstable();
            assert_eq!(account.data, data, "{name}");
        }
    }
    let account = account(&ask("www.example.com", A));
    assert!(account.data[0].starts_with("web"), "{:?}", account.data);
    // As the file's name spells it.
    assert!(account.data[0].ends_with(".Example.com."), "{:?}", account.data);
    assert_eq!((account.answers, account.label.as_str()), (1, "www"));
}

#[test]
fn negative_answers_have_no_label_and_unknown_names_their_first() {
    let nodata = account(&ask("pool.example.com", CNAME));
    assert_eq!((nodata.rcode, nodata.answers, nodata.label.as_str()), (0, 0, ""));
    let unknown = account(&ask("not.there.example.com", AAAA));
    assert_eq!((unknown.rcode, unknown.answers, unknown.label.as_str()), (3, 0, "not"));
    let country = account(&ask("_country.example.com", TXT));
    assert_eq!((country.rcode, country.answers, country.label.as_str()), (0, 1, "_country"));
    assert!(country.data[0].starts_with("100.64.0.1:4000 100.64.0.1 "), "{:?}", country.data);
    let any = account(&ask("texts.example.com", ANY));
    assert_eq!((any.answers, any.label.as_str(), any.data.len()), (1, "texts", 0));
}

#[test]
fn the_subnet_is_the_client_unless_it_could_be_anyones() {
    let of = |octets: &[u8], prefix| {
        let account = account(&ask("pool.example.com", A).subnet(1, prefix, octets));
        (format!("{}/{}", account.client.0, account.client.1), account.has_subnet, account.label)
    };
    assert_eq!(of(&[198, 51, 100], 24), ("198.51.100.0/24".into(), true, "pool.us".into()));
    assert_eq!(of(&[10], 8), ("100.64.0.1/32".into(), true, "pool".into()));
    let account = account(&ask("pool.example.com", AAAA).from("2001:db8:1::7"));
    assert_eq!(account.client, ("2001:db8:1::7".parse().unwrap(), 128));
    assert_eq!(account.label, "pool.europe");
}

#[test]
fn the_upper_bits_of_the_rcode_are_counted() {
    let account = account(&ask("pool.example.com", A).record(&opt(1232, 1 << 16, &[])));
    assert_eq!((account.rcode, account.label.as_str()), (16, ""));
}

#[test]
fn names_in_no_zone_have_no_account() {
    let ask = ask("example.org", A);
    assert_eq!(Account::of(&serving(), &ask.raw(), &[], ask.from.ip()), None);
}

#[test]
fn a_response_cut_before_its_opt_record_is_read_as_far_as_it_goes() {
    let ask = ask("pool.example.com", A).subnet(1, 24, &[192, 0, 2]);
    let zone = zone(
        "example.com",
        r#"{"data": {"pool": {"max_hosts": 9, "a": [["192.0.2.1"], ["192.0.2.2"]]}}}"#,
    );
    let serving = Serving::new([zone], Arc::new(Atlas));
    let response = ask.raw_with(&serving, &Options::default()).unwrap();
    let at = opt_start(&response).unwrap();
    assert_eq!(response[at..at + 3], [0, 0, 41]);
    let whole = Account::of(&serving, &response, &[], ask.from.ip()).unwrap();
    let cut = Account::of(&serving, &response[..at - 5], &response[at..], ask.from.ip()).unwrap();
    assert_eq!((cut.answers, cut.data.len()), (2, 1));
    assert_eq!(cut.client.1, 24);
    assert_eq!(Account { data: whole.data.clone(), ..cut }, whole);
    assert_eq!(opt_start(&response[..at - 5]), None);
}

#[test]
fn no_octets_stop_the_reader() {
    let serving = serving();
    for ask in [ask("www.example.com", A).edns(1232, &[]), ask("texts.example.com", TXT)] {
        let response = ask.raw();
        for at in 0..response.len() {
            let mut octets = response.clone();
            for octet in [0, 0x3f, 0xc0, 0xff] {
                octets[at] = octet;
                // Whatever it says; that it ends is what is asserted.
                let account = Account::of(&serving, &octets, &[], ask.from.ip());
                assert!(account.is_none_or(|account| account.data.len() <= 3));
            }
            let cut = Account::of(&serving, &response[..at], &[], ask.from.ip());
            assert!(cut.is_none_or(|account| account.rcode == 0));
        }
    }
}
