//! Tests of `[limits.ntp]` as a configuration has it.

use super::Config;
use edge_tables::live::limits::NtpLimits;
use std::path::Path;

fn parse(keys: &str) -> Result<NtpLimits, String> {
    let text =
        format!("[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \"off\"\n[limits.ntp]\n{keys}");
    let config = Config::parse(&text, Path::new("edge.toml"));
    config.map(|config| config.limits.ntp).map_err(|error| error.to_string())
}

#[test]
fn nothing_is_limited_without_an_interval_and_with_it_as_chrony_does() {
    assert_eq!(parse("").unwrap(), NtpLimits::default());
    assert_eq!(parse("burst = 16\n").unwrap().rate(), None);
    let rate = parse("interval = 3\n").unwrap().rate().unwrap();
    assert_eq!((rate.interval, rate.burst, rate.leak, rate.kod), (3, 8, 2, 0));
    assert_eq!((rate.prefix4, rate.prefix6), (32, 64));
}

#[test]
fn every_key_is_taken_from_end_to_end_of_its_range() {
    let keys = "interval = -19\nburst = 255\nleak = 4\nkod = 4\nipv4_prefix = 0\nipv6_prefix = 0\n";
    let rate = parse(keys).unwrap().rate().unwrap();
    assert_eq!((rate.interval, rate.burst, rate.leak, rate.kod), (-19, 255, 4, 4));
    assert_eq!((rate.prefix4, rate.prefix6), (0, 0));
    let rate = parse("interval = 12\nburst = 1\nleak = 1\n").unwrap().rate().unwrap();
    assert_eq!((rate.interval, rate.burst, rate.leak), (12, 1, 1));
}

#[test]
fn numbers_out_of_their_range_are_refused_with_their_place_and_a_way_out() {
    for (key, value, range) in [
        ("interval", "-20", "-20 is not in -19 to 12: 3 is an answer each 2³ = 8 seconds; leave"),
        ("interval", "13", "13 is not in -19 to 12"),
        ("burst", "0", "0 is not in 1 to 255: the answers"),
        ("burst", "256", "256 is not in 1 to 255"),
        ("leak", "0", "0 is not in 1 to 4: at 2, one in"),
        ("leak", "5", "5 is not in 1 to 4"),
        ("kod", "5", "5 is not in 0 to 4: at 2, one in"),
        ("kod", "-1", "-1 is not in 0 to 4"),
        ("ipv4_prefix", "33", "33 is not in 0 to 32: the bits of an IPv4 address"),
        ("ipv6_prefix", "65", "65 is not in 0 to 64: the bits of an IPv6 address"),
    ] {
        let error = parse(&format!("{key} = {value}\n")).unwrap_err();
        assert!(error.starts_with("edge.toml:6:"), "{error}");
        assert!(error.contains(range), "{error}");
    }
    assert!(parse("slip = 2\n").unwrap_err().contains("unknown field `slip`"));
}
