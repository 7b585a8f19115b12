//! Tests of cookies in queries, and of queries about cookies.

use hickory_proto::op::{Message, ResponseCode};

use super::{A, Ask, ask, serving};
use crate::{Cookies, Options};

const NOW: u32 = 1_559_731_985;
const CLIENT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// BADCOOKIE, which the decoder calls by its number.
const BADCOOKIE: u16 = 23;

fn options(enforce: bool) -> Options {
    let cookies = Cookies::fixed(&[[7; 16], [8; 16]], enforce, NOW);
    Options { cookies, ..Options::default() }
}

/// A query with a COOKIE option.
fn with(cookie: &[u8]) -> Ask {
    let length = u8::try_from(cookie.len()).unwrap();
    ask("pool.example.com", A).edns(1232, &[&[0, 10, 0, length], cookie].concat())
}

fn get(ask: &Ask, options: &Options) -> (Message, Vec<u8>) {
    let raw = ask.raw_with(&serving(), options).unwrap();
    (Message::from_vec(&raw).unwrap(), raw)
}

/// RCODE, number of answers, and client and server cookie.
fn told(ask: &Ask, options: &Options) -> (u16, usize, Vec<u8>) {
    let (message, raw) = get(ask, options);
    let rcode = u16::from(message.metadata.response_code);
    let cookie = raw[raw.len() - 24..].to_vec();
    assert_eq!(raw[raw.len() - 30..raw.len() - 24], [0, 28, 0, 10, 0, 24]);
    assert_eq!(cookie[..8], CLIENT);
    (rcode, message.answers.len(), cookie)
}

#[test]
fn a_client_is_given_a_cookie_and_may_show_it() {
    for enforce in [false, true] {
        let options = options(enforce);
        let (_, _, given) = told(&with(&CLIENT), &options);
        assert_eq!(given[8..16], [&[1, 0, 0, 0][..], &NOW.to_be_bytes()].concat());
        assert_eq!(told(&with(&given), &options), (0, 4, given));
    }
}

#[test]
fn a_cookie_that_is_not_good_is_replaced_and_the_query_answered() {
    let options = options(false);
    let (_, _, good) = told(&with(&CLIENT), &options);
    for bad in [&[&CLIENT[..], &[1; 16]].concat(), &[&CLIENT[..], &[1; 32]].concat()] {
        assert_eq!(told(&with(bad), &options), (0, 4, good.clone()));
    }
    assert_eq!(told(&with(&good).from("100.64.0.2"), &options).0, 0);
    assert_ne!(told(&with(&good).from("100.64.0.2"), &options).2, good);
}

#[test]
fn where_cookies_are_enforced_a_client_without_a_good_one_is_told_to_come_again() {
    let options = options(true);
    let (rcode, answers, given) = told(&with(&CLIENT), &options);
    assert_eq!((rcode, answers), (BADCOOKIE, 0));
    assert_eq!(told(&with(&[&CLIENT[..], &[1; 16]].concat()), &options).0, BADCOOKIE);
    assert_eq!(told(&with(&given), &options).0, 0);
    // Over a stream the client has shown that it is where it says; without EDNS it can't know of
    // cookies.
    assert_eq!(told(&with(&CLIENT).stream(), &options).0, 0);
    assert_eq!(get(&ask("pool.example.com", A), &options).0.answers.len(), 4);
    assert_eq!(get(&ask("pool.example.com", A).edns(1232, &[]), &options).0.answers.len(), 4);
}

#[test]
fn a_cookie_of_a_wrong_length_is_a_format_error() {
    for octets in [0, 1, 7, 9, 15, 41] {
        let (message, raw) = get(&with(&vec![1; octets]), &options(false));
        assert_eq!(message.metadata.response_code, ResponseCode::FormErr, "{octets}");
        assert_eq!(raw[raw.len() - 2..], [0, 0]);
    }
}

#[test]
fn of_several_cookies_the_first_counts() {
    let mut two = vec![0, 10, 0, 8];
    two.extend(CLIENT);
    two.extend([0, 10, 0, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(told(&ask("pool.example.com", A).edns(1232, &two), &options(false)).1, 4);
}

#[test]
fn without_a_question_the_cookie_is_all_that_is_asked() {
    let options = options(false);
    let without = |cookie: &[u8]| {
        let mut ask = with(cookie);
        ask.counts[0] = 0;
        let mut octets = ask.octets();
        octets.drain(12..12 + "pool.example.com".len() + 6);
        let mut answerer = crate::Answerer::new(fastrand::Rng::with_seed(1));
        let mut out = Vec::new();
        answerer.answer(&serving(), &options, &octets, &ask.asked(), &mut out).unwrap();
        out
    };
    let given = without(&CLIENT);
    assert_eq!(given.len(), 12 + 11 + 4 + 24);
    assert_eq!((given[3] & 0xf, &given[4..12]), (0, &[0, 0, 0, 0, 0, 0, 0, 1][..]));
    let given = &given[given.len() - 24..];
    assert_eq!(u16::from(Message::from_vec(&without(given)).unwrap().metadata.response_code), 0);
    let bad = Message::from_vec(&without(&[&CLIENT[..], &[1; 16]].concat())).unwrap();
    assert_eq!(u16::from(bad.metadata.response_code), BADCOOKIE);
    // Without a cookie to talk about it is no query.
    assert_eq!(without(&[1; 3]).len(), 12);
}

#[test]
fn without_a_secret_the_option_is_ignored() {
    let (message, raw) = get(&with(&CLIENT), &Options::default());
    assert_eq!(message.answers.len(), 4);
    assert_eq!(raw[raw.len() - 2..], [0, 0]);
}
