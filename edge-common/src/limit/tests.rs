//! Limits over simulated time.

use core::cell::{Cell, RefCell};
use core::ops::Deref;
use std::vec;
use std::vec::Vec;

use zerocopy::FromZeros as _;

use super::{DENIED, EXEMPT, FRACTION, Rate, admit, listed, slip_hash, slot};
use crate::abi::{
    Card4, Card6, Clock, CookieSecrets, Deck, GeoLeaf, Keys6, LongName, Nsid, NtpLimits,
    RateLimits, Root4, Rrs, Service, ShortName, Side, TableId, Tree6, TypeRow, maps, switches,
};
use crate::service::mapped;
use crate::tables::{Tables, xorshift};
use crate::verdict::Verdict;

const HZ: u32 = 250;

/// Buckets, a clock, and nothing else.
struct Fake {
    limits: RateLimits,
    side: Side,
    nsid: Nsid,
    buckets: RefCell<Vec<u64>>,
    jiffies: Cell<u64>,
    random: Cell<u64>,
    listed: fn([u64; 2]) -> u32,
}

impl Fake {
    fn new(rate: Rate) -> Self {
        Self {
            limits: rate.limits(HZ, [0x5bd1_e995_9e37_79b9, 0xc2b2_ae3d_27d4_eb4f]),
            side: Side::new_zeroed(),
            nsid: Nsid::new_zeroed(),
            buckets: RefCell::new(vec![0; (maps::BUCKET_ROWS * maps::BUCKETS) as usize]),
            // Of a machine that has been up for a while.
            jiffies: Cell::new(1 << 32),
            random: Cell::new(0x1234_5678_9abc_def1),
            listed: |_| 0,
        }
    }

    /// Time goes on.
    fn pass(&self, jiffies: u64) {
        self.jiffies.set(self.jiffies.get().wrapping_add(jiffies));
    }

    fn ask4(&self, octets: [u8; 4]) -> Result<(), Verdict> {
        let source = mapped(u32::from_ne_bytes(octets));
        admit(self, switches::LIMIT, source, false, false, self.slip_hash())
    }

    fn ask6(&self, words: [u16; 8]) -> Result<(), Verdict> {
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let word = |at: usize| u64::from_ne_bytes(octets[at..at + 8].try_into().unwrap());
        admit(self, switches::LIMIT, [word(0), word(8)], true, false, self.slip_hash())
    }

    /// How many of `n` queries of one client that come at once are answered.
    fn answered(&self, client: [u8; 4], n: usize) -> usize {
        (0..n).filter(|_| self.ask4(client).is_ok()).count()
    }

    /// A client's prefix that is as good as any other.
    /// Of a query with an ID and ports of its own.
    fn slip_hash(&self) -> u64 {
        slip_hash(u64::from(self.random() & 0xffff) | 0x0000_0100_0001_0000, self.random())
    }

    fn stranger(&self) -> [u8; 4] {
        self.random().to_ne_bytes()
    }
}

impl Tables for Fake {
    fn limits(&self) -> RateLimits {
        self.limits
    }
    fn ntp_limits(&self) -> NtpLimits {
        NtpLimits::new_zeroed()
    }
    fn switches(&self) -> u64 {
        0
    }
    fn side(&self, _: u32) -> impl Deref<Target = Side> {
        &self.side
    }
    fn usual_trie(&self) -> u32 {
        0
    }
    fn own_address(&self) -> u64 {
        0
    }
    fn first_service(&self, _: usize) -> Option<impl Deref<Target = Service>> {
        None::<&Service>
    }
    fn service_seed(&self) -> u64 {
        0
    }
    fn cookie_state(&self) -> u64 {
        0
    }
    fn cookie_secrets(&self, _: u64) -> impl Deref<Target = CookieSecrets> {
        &[[0; 2]; 2]
    }
    fn unix_seconds(&self) -> u64 {
        0
    }
    fn nsid(&self) -> impl Deref<Target = Nsid> {
        &self.nsid
    }
    fn now(&self) -> u64 {
        self.jiffies.get()
    }
    fn bucket(&self, row: u32, slot: u32) -> Option<u64> {
        self.buckets.borrow().get((row * maps::BUCKETS + slot) as usize).copied()
    }
    fn set_bucket(&self, row: u32, slot: u32, bucket: u64) {
        self.buckets.borrow_mut()[(row * maps::BUCKETS + slot) as usize] = bucket;
    }
    fn listed(&self, address: [u64; 2]) -> u32 {
        (self.listed)(address)
    }
    fn random(&self) -> u32 {
        let (next, bits) = xorshift(self.random.get());
        self.random.set(next);
        bits
    }
    fn clock(&self) -> Option<impl Deref<Target = Clock>> {
        None::<&Clock>
    }
    fn monotonic(&self) -> u64 {
        0
    }
    fn count_request(&self, _: usize) {}
    fn mark_hit(&self, _: u32) {}
    fn count_hit(&self) {}
    fn generation(&self) -> u64 {
        0
    }
    fn lease(&self) -> u64 {
        0
    }
    fn is_own_address(&self, _: u32, _: u64) -> bool {
        false
    }
    fn service(&self, _: u32) -> Option<impl Deref<Target = Service>> {
        None::<&Service>
    }
    fn short_name(&self, _: u32) -> Option<impl Deref<Target = ShortName>> {
        None::<&ShortName>
    }
    fn long_name(&self, _: u32) -> Option<impl Deref<Target = LongName>> {
        None::<&LongName>
    }
    fn deck(&self, _: TableId, _: u32, _: bool) -> Option<Deck> {
        None
    }
    fn card4(&self, _: u32) -> Option<impl Deref<Target = Card4>> {
        None::<&Card4>
    }
    fn card6(&self, _: u32) -> Option<impl Deref<Target = Card6>> {
        None::<&Card6>
    }
    fn rrs(&self, _: u32) -> Option<impl Deref<Target = Rrs>> {
        None::<&Rrs>
    }
    fn type_row(&self, _: u32) -> Option<impl Deref<Target = TypeRow>> {
        None::<&TypeRow>
    }
    fn root4(&self, _: u32, _: u32) -> Option<Root4> {
        None
    }
    fn node4(&self, _: u32, _: u8) -> Option<u16> {
        None
    }
    fn tree6(&self, _: u32) -> Option<impl Deref<Target = Tree6>> {
        None::<&Tree6>
    }
    fn keys6(&self, _: u32) -> Option<impl Deref<Target = Keys6>> {
        None::<&Keys6>
    }
    fn leaf6(&self, _: u32, _: u32) -> Option<u16> {
        None
    }
    fn leaf(&self, _: u32, _: u16) -> Option<GeoLeaf> {
        None
    }
}

const fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second, burst, slip: 0, prefix4: 24, prefix6: 56 }
}

const CLIENT: [u8; 4] = [192, 0, 2, 1];

#[test]
fn a_client_gets_its_burst_and_then_its_rate() {
    for (per_second, burst) in [(1, 1), (5, 10), (7, 3), (1000, 2000), (1_000_000, 10_000)] {
        let tables = Fake::new(rate(per_second, burst));
        let more = burst as usize + 5000;
        assert_eq!(tables.answered(CLIENT, more), burst as usize, "{per_second}/{burst}");
        let mut answered = 0;
        for _ in 0..10 * HZ {
            tables.pass(1);
            answered += tables.answered(CLIENT, per_second.div_ceil(HZ) as usize + 5);
        }
        // The cost is rounded to 2⁻²⁴ jiffies: to 0.03 % at the highest rate.
        let expect = 10 * per_second as usize;
        assert!(answered.abs_diff(expect) <= 1 + expect / 3000, "{answered} of {expect}");
    }
}

#[test]
fn a_quiet_client_gets_its_burst_again_but_no_more() {
    let tables = Fake::new(rate(5, 10));
    assert_eq!(tables.answered(CLIENT, 20), 10);
    for (seconds, expect) in [(1, 5), (2, 10), (3, 10), (86_400 * 365, 10), (86_400 * 3650, 10)] {
        tables.pass(seconds * u64::from(HZ));
        assert_eq!(tables.answered(CLIENT, 20), expect, "after {seconds} s");
    }
}

#[test]
fn the_greatest_burst_at_the_smallest_rate_is_counted_exactly() {
    let tables = Fake::new(rate(1, 1_000_000));
    assert_eq!(tables.answered(CLIENT, 1_000_010), 1_000_000);
    tables.pass(u64::from(HZ) - 1);
    assert_eq!(tables.answered(CLIENT, 1), 0);
    tables.pass(1);
    assert_eq!(tables.answered(CLIENT, 2), 1);
}

#[test]
fn a_bucket_outlives_the_wrap_of_its_time() {
    let tables = Fake::new(rate(5, 10));
    // Three seconds before what is kept of the time is zero again.
    tables.jiffies.set((1 << (u64::BITS - FRACTION)) - 3 * u64::from(HZ));
    assert_eq!(tables.answered(CLIENT, 20), 10);
    for _ in 0..10 {
        tables.pass(u64::from(HZ));
        assert_eq!(tables.answered(CLIENT, 20), 5);
    }
}

#[test]
fn another_rate_or_clock_begins_with_at_most_a_full_bucket() {
    let mut tables = Fake::new(rate(1, 1000));
    assert_eq!(tables.answered(CLIENT, 2000), 1000);
    // A debt that no client of the new rate can have counts as none.
    let seeds = tables.limits.seeds;
    tables.limits = rate(100, 200).limits(HZ, seeds);
    assert_eq!(tables.answered(CLIENT, 2000), 200);
    // Of the old rate's debt, which is a time, the greater bucket of the new one can hold more.
    tables.limits = rate(100, 500).limits(HZ, seeds);
    assert_eq!(tables.answered(CLIENT, 2000), 300);
    // A clock that begins anew.
    tables.jiffies.set(5);
    assert_eq!(tables.answered(CLIENT, 2000), 500);
}

#[test]
fn clients_are_prefixes_of_the_configured_length() {
    let tables = Fake::new(rate(5, 1));
    assert_eq!(tables.ask4([192, 0, 2, 1]), Ok(()));
    assert_eq!(tables.ask4([192, 0, 2, 255]), Err(Verdict::Limited));
    assert_eq!(tables.ask4([192, 0, 3, 1]), Ok(()));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 1, 0x22ff, 1, 2, 3, 4]), Ok(()));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 1, 0x2200, 5, 6, 7, 8]), Err(Verdict::Limited));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 1, 0x2300, 1, 2, 3, 4]), Ok(()));

    let tables = Fake::new(Rate { prefix4: 32, prefix6: 64, ..rate(5, 1) });
    assert_eq!(tables.ask4([192, 0, 2, 1]), Ok(()));
    assert_eq!(tables.ask4([192, 0, 2, 2]), Ok(()));
    assert_eq!(tables.ask4([192, 0, 2, 2]), Err(Verdict::Limited));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 0, 1, 1, 2, 3, 4]), Ok(()));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 0, 2, 1, 2, 3, 4]), Ok(()));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 0, 2, 9, 9, 9, 9]), Err(Verdict::Limited));

    let tables = Fake::new(Rate { prefix4: 9, prefix6: 0, ..rate(5, 1) });
    assert_eq!(tables.ask4([10, 0, 0, 1]), Ok(()));
    assert_eq!(tables.ask4([10, 127, 0, 1]), Err(Verdict::Limited));
    assert_eq!(tables.ask4([10, 128, 0, 1]), Ok(()));
    assert_eq!(tables.ask6([0x2001, 0xdb8, 0, 1, 1, 2, 3, 4]), Ok(()));
    assert_eq!(tables.ask6([0x3fff, 0, 0, 2, 9, 9, 9, 9]), Err(Verdict::Limited));
}

#[test]
fn without_prefixes_all_clients_are_one() {
    let tables = Fake::new(Rate { prefix4: 0, prefix6: 0, ..rate(5, 4) });
    let answered = (0..100).filter(|_| tables.ask4(tables.stranger()).is_ok()).count();
    assert_eq!(answered, 4);
    assert_eq!(tables.ask6([0x2001, 0xdb8, 0, 1, 1, 2, 3, 4]), Err(Verdict::Limited));
}

#[test]
fn lists_come_before_cookies_and_cookies_before_the_rate() {
    let mut tables = Fake::new(rate(5, 1));
    let [first, second] = mapped(u32::from_ne_bytes(CLIENT));
    let ask = |tables: &Fake, on, cookie| {
        let exempt = listed(tables, on, [first, second])?;
        admit(tables, on, [first, second], false, cookie || exempt, 7)
    };
    let (limit, both) = (switches::LIMIT, switches::LIMIT | switches::PREFIXES);
    assert_eq!(ask(&tables, limit, false), Ok(()));
    assert_eq!(ask(&tables, limit, false), Err(Verdict::Limited));
    assert_eq!(ask(&tables, limit, true), Ok(()));
    assert_eq!(ask(&tables, switches::PREFIXES, false), Ok(()));
    assert_eq!(ask(&tables, 0, false), Ok(()));
    tables.listed = |_| EXEMPT;
    assert_eq!(ask(&tables, both, false), Ok(()));
    assert_eq!(ask(&tables, limit, false), Err(Verdict::Limited));
    tables.listed = |_| DENIED;
    assert_eq!(ask(&tables, both, true), Err(Verdict::Denied));
    assert_eq!(ask(&tables, switches::PREFIXES, false), Err(Verdict::Denied));
    assert_eq!(ask(&tables, limit, true), Ok(()));
}

#[test]
fn one_in_so_many_limited_responses_slips() {
    for (slip, low, high) in
        [(0, 0, 0), (1, 100_000, 100_000), (2, 49_000, 51_000), (10, 9600, 10_400)]
    {
        let tables = Fake::new(Rate { slip, ..rate(1, 1) });
        assert_eq!(tables.ask4(CLIENT), Ok(()));
        let mut slipped = 0;
        for _ in 0..100_000 {
            match tables.ask4(CLIENT) {
                Err(Verdict::Slip) => slipped += 1,
                other => assert_eq!(other, Err(Verdict::Limited)),
            }
        }
        assert!((low..=high).contains(&slipped), "{slipped} at slip {slip}");
    }
}

#[test]
fn the_limited_change_no_bucket() {
    let tables = Fake::new(rate(5, 10));
    assert_eq!(tables.answered(CLIENT, 10), 10);
    let before = tables.buckets.borrow().clone();
    assert_eq!(tables.answered(CLIENT, 1000), 0);
    assert!(before == *tables.buckets.borrow());
}

#[test]
fn the_rows_place_clients_evenly_and_each_its_own_way() {
    let seeds = Fake::new(rate(1, 1)).limits.seeds;
    // Neighbours, as they are in a provider's network: 2¹⁶ of each family.
    let four = |n: u16| {
        let [c, d] = n.to_be_bytes();
        mapped(u32::from_ne_bytes([10, c, d, 0]))[1]
    };
    let six = |n: u16| {
        let [c, d] = n.to_be_bytes();
        u64::from_ne_bytes([0x20, 1, 0x0d, 0xb8, 0, c, d, 0])
    };
    let clients: [Vec<u64>; 2] =
        [(0..=u16::MAX).map(four).collect(), (0..=u16::MAX).map(six).collect()];
    for clients in clients {
        let mut used = [(); 2].map(|()| vec![0_u8; maps::BUCKETS as usize]);
        let mut pairs = std::collections::BTreeSet::new();
        for client in &clients {
            let slots = seeds.map(|seed| slot(*client, seed));
            for (used, slot) in used.iter_mut().zip(slots) {
                used[slot as usize] += 1;
            }
            pairs.insert(slots);
        }
        for used in used {
            // At random, 1/e of the slots are left free and none has more than a dozen clients.
            let free = used.iter().filter(|n| **n == 0).count();
            assert!(free < maps::BUCKETS as usize * 2 / 5, "{free} slots free");
            assert!(used.iter().all(|n| *n < 14));
        }
        assert!(pairs.len() > clients.len() - 4, "{} pairs", pairs.len());
    }
}

/// The share of a well-behaved client's queries that are answered while `flood` more come a second,
/// each from the prefix that `from` gives; and the share of the flood's.
fn under_flood(tables: &Fake, flood: u32, from: impl Fn(u32) -> [u8; 4]) -> (f64, f64) {
    let (mut asked, mut answered, mut sent, mut through) = (0, 0, 0_u32, 0);
    for jiffy in 0..12 * HZ {
        tables.pass(1);
        // Counted from when the buckets are as they will stay.
        let settled = jiffy > 6 * HZ;
        for n in 0..flood / HZ {
            through += u32::from(tables.ask4(from(jiffy * (flood / HZ) + n)).is_ok() && settled);
            sent += u32::from(settled);
        }
        // Sixteen of them a jiffy, which don't come again.
        for n in 0..16 {
            let [_, _, c, d] = (jiffy * 16 + n).to_be_bytes();
            asked += u32::from(settled);
            answered += u32::from(tables.ask4([100, c, d, 1]).is_ok() && settled);
        }
    }
    (f64::from(answered) / f64::from(asked), f64::from(through) / f64::from(sent.max(1)))
}

#[test]
fn a_flood_from_some_prefixes_hardly_touches_the_others() {
    // What the two rows let through: 1 - (1 - e^(-K / 2^16))^2.
    for (prefixes, least) in [(100, 0.999), (5000, 0.990), (20_000, 0.90)] {
        let tables = Fake::new(rate(1, 2));
        let from = |n: u32| {
            let [_, b, c, d] = (n % prefixes).to_be_bytes();
            [b, c, d, 1]
        };
        let (others, flood) = under_flood(&tables, 250_000, from);
        assert!(others > least, "{others} of the others, {prefixes} prefixes");
        let expect = f64::from(prefixes) / 250_000.0;
        assert!(flood < 1.1 * expect, "{flood} of the flood, {prefixes} prefixes");
    }
}

#[test]
fn a_flood_of_random_sources_takes_its_share_and_no_more() {
    // In quarters of what all buckets of a row get back a second.
    for (load, least) in [(1, 0.999), (2, 0.99), (4, 0.93), (8, 0.64), (16, 0.33)] {
        let tables = Fake::new(rate(1, 2));
        let (others, flood) = under_flood(&tables, maps::BUCKETS / 4 * load, |_| tables.stranger());
        assert!(others > least, "{others} of the others under {load}");
        assert!((others - flood).abs() < 0.03, "{others} of the others, {flood} of the flood");
    }
}
