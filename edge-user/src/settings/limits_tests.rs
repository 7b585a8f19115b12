//! Tests of `[limits]` as a configuration has it.

use super::Config;
use edge_tables::live::limits::Limits;
use std::path::Path;

fn parse(keys: &str) -> Result<Limits, String> {
    let text = format!("[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \"off\"\n[limits]\n{keys}");
    let config = Config::parse(&text, Path::new("edge.toml"));
    config.map(|config| config.limits).map_err(|error| error.to_string())
}

fn refused(keys: &str) -> String {
    parse(keys).map(|_| ()).unwrap_err()
}

#[test]
fn nothing_is_limited_unless_configured() {
    let limits = parse("").unwrap();
    assert_eq!(limits, Limits::default());
    assert_eq!(limits.rate(), None);
    assert!(limits.prefixes().is_empty());
}

#[test]
fn a_rate_is_enough_and_the_rest_follows() {
    let rate = parse("responses_per_second = 20\n").unwrap().rate().unwrap();
    assert_eq!((rate.per_second, rate.burst, rate.slip), (20, 40, 2));
    assert_eq!((rate.prefix4, rate.prefix6), (24, 56));
    let rate = parse("responses_per_second = 1000000\n").unwrap().rate().unwrap();
    assert_eq!(rate.burst, 1_000_000);
    let keys = "responses_per_second = 7\nburst = 3\nslip = 0\nipv4_prefix = 32\nipv6_prefix = 0\n";
    let rate = parse(keys).unwrap().rate().unwrap();
    assert_eq!((rate.per_second, rate.burst, rate.slip), (7, 3, 0));
    assert_eq!((rate.prefix4, rate.prefix6), (32, 0));
}

#[test]
fn numbers_out_of_their_range_are_refused_with_their_place_and_a_way_out() {
    for (key, value, range) in [
        ("responses_per_second", "0", "0 is not in 1 to 1000000: a number of responses; leave"),
        ("responses_per_second", "1000001", "1000001 is not in 1 to 1000000"),
        ("burst", "-5", "-5 is not in 1 to 1000000"),
        ("slip", "1001", "1001 is not in 0 to 1000: one in so many"),
        ("ipv4_prefix", "33", "33 is not in 0 to 32: the bits of an IPv4 address"),
        ("ipv6_prefix", "65", "65 is not in 0 to 64: the bits of an IPv6 address"),
    ] {
        let error = refused(&format!("{key} = {value}\n"));
        assert!(error.starts_with("edge.toml:6:"), "{error}");
        assert!(error.contains(range), "{error}");
    }
    assert!(refused("burst = 5\n").contains("burst without limits.responses_per_second"));
    let error = refused("responses_per_second = 100001\nburst = 1000\n");
    assert!(error.starts_with("edge.toml:5:1: limits.burst: 1000 is less"), "{error}");
    assert!(error.ends_with("give at least 1001"), "{error}");
}

#[test]
fn prefixes_that_are_none_or_contradict_each_other_are_refused() {
    for (keys, words) in [
        ("exempt = [\"192.0.2\"]", "is not a prefix; write \"192.0.2.0/24\""),
        ("exempt = [\"192.0.2.0/33\"]", "is not a prefix"),
        ("deny = [\"192.0.2.1/24\"]", "bits behind its prefix; write \"192.0.2.0/24\""),
        ("deny = [\"::/0\"]", "all IPv4 addresses, too; write \"2000::/3\""),
        ("deny = [\"10.0.0.0/8\"]\nexempt = [\"10.0.0.0/8\"]", "leave it out of one of them"),
    ] {
        let error = refused(&format!("{keys}\n"));
        assert!(error.contains(words), "{error}");
    }
    let list = |n: u32| {
        let nets = (0..n).map(|n| format!("\"10.{}.{}.0/24\"", n >> 8, n & 255));
        format!("deny = [{}]\n", nets.collect::<Vec<_>>().join(","))
    };
    assert_eq!(parse(&list(8192)).unwrap().prefixes().len(), 8192);
    assert!(refused(&list(8193)).contains("8193 prefixes, and 8192 fit"));
}

#[test]
fn an_address_is_a_prefix_of_its_own() {
    let limits = parse("exempt = [\"192.0.2.1\", \"2001:db8::1\"]\n").unwrap();
    let texts: Vec<_> = limits.exempt.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["192.0.2.1/32", "2001:db8::1/128"]);
}
