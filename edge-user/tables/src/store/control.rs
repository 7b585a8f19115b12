//! The control block, typed: every word that is served or configured.
//!
//! [`Control`] documents what each word means. Only this file knows at which octet each word
//! stands. Every word is read and written by one aligned load or store of eight octets, as packets
//! read it. A part of several words is read and written word by word: a reader may see some old and
//! some new words of it, unless a further word determines which part is in use.
//!
//! A publisher writes with `Release` the word that makes other words visible, and readers read it
//! with `Acquire`. All other words are relaxed. Any thread may call any method. The comment "one
//! thread at a time" marks methods in which two writers would disturb each other.

use std::sync::atomic::{AtomicU64, Ordering};

use edge_common::abi::{
    Control, CookieSecrets, Nsid, NtpLimits, RateLimits, Service, Side, switches,
};
use edge_common::cookie::state;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Region;

/// The octet at which a field of [`Control`] begins.
macro_rules! at {
    ($($field:ident).+) => {
        std::mem::offset_of!(Control, $($field).+)
    };
}

/// The one [`Control`] of a [`super::Store`], shared between threads and, when mapped, with the
/// kernel.
#[derive(Clone, Copy, Debug)]
pub struct ControlBlock(Region<Control>);

impl ControlBlock {
    pub(super) const fn over(entry: Region<Control>) -> Self {
        Self(entry)
    }

    /// A copy of all of it, word by word.
    #[must_use]
    #[inline]
    pub fn read(self) -> Control {
        self.part(0)
    }

    /// Generation being served; 0 for none. What belongs to it may be read after this.
    #[must_use]
    #[inline]
    pub fn generation(self) -> u64 {
        self.word(at!(generation)).load(Ordering::Acquire)
    }

    /// Makes a generation the one that is served, after its side has been written.
    #[inline]
    pub fn set_generation(self, generation: u64) {
        self.word(at!(generation)).store(generation, Ordering::Release);
    }

    /// Jiffies at which the tables stop being trusted.
    #[must_use]
    #[inline]
    pub fn lease(self) -> u64 {
        self.word(at!(lease)).load(Ordering::Acquire)
    }

    /// Sets when the lease ends, in jiffies. 0: it has ended, and every query passes.
    #[inline]
    pub fn set_lease(self, jiffies: u64) {
        self.word(at!(lease)).store(jiffies, Ordering::Release);
    }

    /// Sets how long a lease is, in jiffies, from its next renewal on.
    #[inline]
    pub fn set_lease_length(self, jiffies: u64) {
        self.set(at!(lease_jiffies), jiffies);
    }

    /// Sampling interval of answers; 0: none are sampled.
    #[must_use]
    #[inline]
    pub fn sample(self) -> u64 {
        self.get(at!(sample))
    }

    /// Sets the sampling interval of answers. 0: none are sampled.
    #[inline]
    pub fn set_sample(self, one_in: u32) {
        self.set(at!(sample), one_in.into());
    }

    /// Sampling interval of dropped frames; 0: none are sampled.
    #[must_use]
    #[inline]
    pub fn sample_dropped(self) -> u64 {
        self.get(at!(sample_dropped))
    }

    /// Sets the sampling interval of dropped frames. 0: none are sampled.
    #[inline]
    pub fn set_sample_dropped(self, one_in: u32) {
        self.set(at!(sample_dropped), one_in.into());
    }

    /// Seed of the hash that places served addresses in their table.
    #[must_use]
    #[inline]
    pub fn service_seed(self) -> u64 {
        self.word(at!(service_seed)).load(Ordering::Acquire)
    }

    /// Sets that seed, after the table has been written.
    #[inline]
    pub fn set_service_seed(self, seed: u64) {
        self.word(at!(service_seed)).store(seed, Ordering::Release);
    }

    /// The first address of IPv4 (0) or IPv6 (1) at which DNS is served.
    #[must_use]
    #[inline]
    pub fn first_service(self, family: usize) -> Option<Service> {
        (family < 2).then(|| self.part(at!(first_services) + family * size_of::<Service>()))
    }

    /// Sets that address. A family above 1 is ignored.
    #[inline]
    pub fn set_first_service(self, family: usize, service: &Service) {
        if family < 2 {
            self.set_part(at!(first_services) + family * size_of::<Service>(), service);
        }
    }

    /// What is switched on: bits of [`switches`]. What a switch relies on may be read after this.
    #[must_use]
    #[inline]
    pub fn switches(self) -> u64 {
        self.word(at!(switches)).load(Ordering::Acquire)
    }

    /// Sets or clears one of the operator's [`switches`]. All other bits stay.
    #[inline]
    pub fn set_switch(self, bit: u64, on: bool) {
        self.change_switch(bit, on, Ordering::Relaxed);
    }

    /// As [`Self::set_switch`], after what the switch relies on has been written.
    #[inline]
    pub fn publish_switch(self, bit: u64, on: bool) {
        self.change_switch(bit, on, Ordering::Release);
    }

    fn change_switch(self, bit: u64, on: bool, order: Ordering) {
        let word = self.word(at!(switches));
        // Others change bits of the same word at the same time.
        if on {
            word.fetch_or(bit, order);
        } else {
            word.fetch_and(!bit, order);
        }
    }

    /// Whether frames may be dropped: some limit or list is on.
    #[must_use]
    #[inline]
    pub fn may_drop(self) -> bool {
        self.switches() & (switches::LIMIT | switches::PREFIXES) != 0
    }

    /// A side of the two-sided maps: the lowest bit of `side` chooses it.
    #[must_use]
    #[inline]
    pub fn side(self, side: u32) -> Side {
        self.part(side_at(side))
    }

    /// Sets a side. No generation in use may refer to it.
    #[inline]
    pub fn set_side(self, side: u32, value: &Side) {
        self.set_part(side_at(side), value);
    }

    /// The link-layer address of the first interface, as [`Control::own`] makes it; 0 if there is
    /// none.
    #[must_use]
    #[inline]
    pub fn own_address(self) -> u64 {
        self.get(at!(own_address))
    }

    /// Sets that address.
    #[inline]
    pub fn set_own_address(self, own: u64) {
        self.set(at!(own_address), own);
    }

    /// Seed of the hash that places interfaces' addresses. Their table may be read after this.
    #[must_use]
    #[inline]
    pub fn device_seed(self) -> u64 {
        self.word(at!(device_seed)).load(Ordering::Acquire)
    }

    /// Sets that seed, after the table.
    #[inline]
    pub fn set_device_seed(self, seed: u64) {
        self.word(at!(device_seed)).store(seed, Ordering::Release);
    }

    /// The trie of the zone with most names; a hint.
    #[must_use]
    #[inline]
    pub fn usual_trie(self) -> u32 {
        let [trie, _reserved]: [u32; 2] = self.part(at!(usual_trie));
        trie
    }

    /// Sets that trie.
    #[inline]
    pub fn set_usual_trie(self, trie: u32) {
        self.set_part(at!(usual_trie), &[trie, 0]);
    }

    /// Seconds of Unix time modulo 2³², as cookies use it.
    #[must_use]
    #[inline]
    pub fn unix_seconds(self) -> u64 {
        self.get(at!(unix_seconds))
    }

    /// Sets the time, in seconds of Unix time modulo 2³².
    #[inline]
    pub fn set_unix_seconds(self, seconds: u32) {
        self.set(at!(unix_seconds), seconds.into());
    }

    /// [`edge_common::abi::CookieKeys::state`]. The secrets of its side may be read after this.
    #[must_use]
    #[inline]
    pub fn cookie_state(self) -> u64 {
        self.word(at!(cookies.state)).load(Ordering::Acquire)
    }

    /// The secrets of a side: the lowest bit of `side` chooses it.
    #[must_use]
    #[inline]
    pub fn cookie_secrets(self, side: u64) -> CookieSecrets {
        self.part(secrets_at(side))
    }

    /// Writes secrets to the side that isn't in use, then takes that side into use by one store.
    /// `flags` are the other bits of the state. One thread at a time, and not again before every
    /// packet that began before the last call is through; calls a second apart are safe.
    #[inline]
    pub fn replace_cookie_secrets(self, secrets: &CookieSecrets, flags: u64) {
        let side = !self.get(at!(cookies.state)) & state::SIDE;
        self.set_part(secrets_at(side), secrets);
        self.word(at!(cookies.state)).store(side | flags, Ordering::Release);
    }

    /// The name server identifier.
    #[must_use]
    #[inline]
    pub fn nsid(self) -> Nsid {
        self.part(at!(nsid))
    }

    /// Sets the identifier, before anything is published.
    #[inline]
    pub fn set_nsid(self, nsid: &Nsid) {
        self.set_part(at!(nsid), nsid);
    }

    /// The limits of DNS.
    #[must_use]
    #[inline]
    pub fn limits(self) -> RateLimits {
        self.part(at!(limits))
    }

    /// Sets the limits of DNS. Packets may read some old and some new words meanwhile.
    #[inline]
    pub fn set_limits(self, limits: &RateLimits) {
        self.set_part(at!(limits), limits);
    }

    /// [`RateLimits::jiffies_per_second`] of the limits of DNS, by one load.
    #[must_use]
    #[inline]
    pub fn jiffies_per_second(self) -> u32 {
        // The word's second half.
        let [_slip, jiffies]: [u32; 2] = self.part(at!(limits.slip));
        jiffies
    }

    /// The limits of NTP.
    #[must_use]
    #[inline]
    pub fn ntp_limits(self) -> NtpLimits {
        self.part(at!(ntp_limits))
    }

    /// Sets the limits of NTP. Packets may read some old and some new words meanwhile.
    #[inline]
    pub fn set_ntp_limits(self, limits: &NtpLimits) {
        self.set_part(at!(ntp_limits), limits);
    }

    /// The count of published clocks. Its lowest bit is the number of the clock in use; 0: none is
    /// in use. That clock may be read after this.
    #[must_use]
    #[inline]
    pub fn clock(self) -> u64 {
        self.word(at!(clock)).load(Ordering::Acquire)
    }

    /// What [`Self::clock`] will be after the next publication; never 0. One thread at a time.
    #[must_use]
    #[inline]
    pub fn next_clock(self) -> u64 {
        self.get(at!(clock)).wrapping_add(1).max(1)
    }

    /// Takes a clock into use after it has been written. 0: none is in use.
    #[inline]
    pub fn set_clock(self, count: u64) {
        self.word(at!(clock)).store(count, Ordering::Release);
    }

    /// The word at octet `at`. The block has its one entry from the start: there always is one.
    #[inline]
    fn word(self, at: usize) -> &'static AtomicU64 {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        self.0.word(0, at).unwrap_or(&NOWHERE)
    }

    #[inline]
    fn get(self, at: usize) -> u64 {
        self.word(at).load(Ordering::Relaxed)
    }

    #[inline]
    fn set(self, at: usize, word: u64) {
        self.word(at).store(word, Ordering::Relaxed);
    }

    /// A copy of the part that begins at octet `at`: word by word, and no more than that part.
    #[inline]
    fn part<T: FromBytes + IntoBytes>(self, at: usize) -> T {
        const { assert!(size_of::<T>().is_multiple_of(8)) }
        let mut part = T::new_zeroed();
        for (at, to) in (at..).step_by(8).zip(part.as_mut_bytes().chunks_exact_mut(8)) {
            to.copy_from_slice(&self.get(at).to_ne_bytes());
        }
        part
    }

    #[inline]
    fn set_part<T: IntoBytes + Immutable>(self, at: usize, part: &T) {
        const { assert!(size_of::<T>().is_multiple_of(8)) }
        for (at, octets) in (at..).step_by(8).zip(part.as_bytes().as_chunks().0) {
            self.set(at, u64::from_ne_bytes(*octets));
        }
    }
}

/// A block in memory of its own, zeroed.
#[cfg(any(test, feature = "testing"))]
impl Default for ControlBlock {
    fn default() -> Self {
        Self(Region::in_memory(1))
    }
}

/// What only tests and measurements write.
#[cfg(any(test, feature = "testing"))]
impl ControlBlock {
    /// Writes all of it, word by word. Nothing may read it meanwhile.
    pub fn write(self, control: &Control) {
        self.set_part(0, control);
    }

    /// Replaces all switches, also those that others set by [`Self::set_switch`].
    pub fn set_switches(self, bits: u64) {
        self.set(at!(switches), bits);
    }

    /// Sets the state of cookies, after the secrets of its side have been written.
    pub fn set_cookie_state(self, state: u64) {
        self.word(at!(cookies.state)).store(state, Ordering::Release);
    }

    /// Sets the secrets of a side (its lowest bit chooses it), whether it is in use or not.
    pub fn set_cookie_secrets(self, side: u64, secrets: &CookieSecrets) {
        self.set_part(secrets_at(side), secrets);
    }
}

const fn side_at(side: u32) -> usize {
    at!(sides) + (side & 1) as usize * size_of::<Side>()
}

const fn secrets_at(side: u64) -> usize {
    at!(cookies.secrets) + (side & 1) as usize * size_of::<CookieSecrets>()
}

#[cfg(test)]
mod tests {
    use edge_common::abi::{
        Control, CookieKeys, Nsid, NtpLimits, RateLimits, Service, Side, switches,
    };
    use zerocopy::FromZeros as _;

    use super::ControlBlock;

    const LIMITS: RateLimits = RateLimits {
        seeds: [1, 2],
        cost: 3,
        capacity: 4,
        mask4: 5,
        mask6: 6,
        slip: 7,
        jiffies_per_second: 8,
    };

    /// A value in each field that no other field has.
    fn distinct() -> Control {
        let side = |n| Side { name_seed: n, generation: n + 1, lengths: [n + 2; 4], labels: n + 3 };
        let service = |n| Service { address: [n, n + 1], port: 53, role: Service::NTP };
        Control {
            generation: 10,
            lease: 11,
            sample: 12,
            service_seed: 13,
            switches: 14,
            sides: [side(20), side(30)],
            own_address: 15,
            usual_trie: 16,
            reserved: 0,
            first_services: [service(40), service(50)],
            lease_jiffies: 17,
            unix_seconds: 18,
            cookies: CookieKeys { state: 5, secrets: [[[60, 61], [62, 63]], [[64, 65], [66, 67]]] },
            nsid: Nsid { octets_used: 3, octets: [7; Nsid::MOST] },
            limits: LIMITS,
            sample_dropped: 19,
            clock: 21,
            ntp_limits: NtpLimits { limits: LIMITS, kod: 9, poll: -6 },
            device_seed: 22,
            padding: [0; 7],
        }
    }

    #[test]
    fn each_method_writes_its_own_words_and_no_others() {
        type Set = fn(ControlBlock, &Control);
        type Copy = fn(&mut Control, &Control);
        let steps: [(Set, Copy); 22] = [
            (
                |block, all| block.set_device_seed(all.device_seed),
                |to, all| {
                    to.device_seed = all.device_seed;
                },
            ),
            (
                |block, all| block.set_generation(all.generation),
                |to, all| {
                    to.generation = all.generation;
                },
            ),
            (|block, all| block.set_lease(all.lease), |to, all| to.lease = all.lease),
            (|block, _| block.set_sample(12), |to, all| to.sample = all.sample),
            (
                |block, all| block.set_service_seed(all.service_seed),
                |to, all| {
                    to.service_seed = all.service_seed;
                },
            ),
            (|block, all| block.set_switches(all.switches), |to, all| to.switches = all.switches),
            (|block, all| block.set_side(0, &all.sides[0]), |to, all| to.sides[0] = all.sides[0]),
            (|block, all| block.set_side(1, &all.sides[1]), |to, all| to.sides[1] = all.sides[1]),
            (
                |block, all| block.set_own_address(all.own_address),
                |to, all| {
                    to.own_address = all.own_address;
                },
            ),
            (
                |block, all| block.set_usual_trie(all.usual_trie),
                |to, all| {
                    to.usual_trie = all.usual_trie;
                },
            ),
            (
                |block, all| block.set_first_service(0, &all.first_services[0]),
                |to, all| {
                    to.first_services[0] = all.first_services[0];
                },
            ),
            (
                |block, all| block.set_first_service(1, &all.first_services[1]),
                |to, all| {
                    to.first_services[1] = all.first_services[1];
                },
            ),
            (
                |block, all| block.set_lease_length(all.lease_jiffies),
                |to, all| {
                    to.lease_jiffies = all.lease_jiffies;
                },
            ),
            (|block, _| block.set_unix_seconds(18), |to, all| to.unix_seconds = all.unix_seconds),
            (
                |block, all| block.set_cookie_state(all.cookies.state),
                |to, all| {
                    to.cookies.state = all.cookies.state;
                },
            ),
            (
                |block, all| block.set_cookie_secrets(0, &all.cookies.secrets[0]),
                |to, all| {
                    to.cookies.secrets[0] = all.cookies.secrets[0];
                },
            ),
            (
                |block, all| block.set_cookie_secrets(1, &all.cookies.secrets[1]),
                |to, all| {
                    to.cookies.secrets[1] = all.cookies.secrets[1];
                },
            ),
            (|block, all| block.set_nsid(&all.nsid), |to, all| to.nsid = all.nsid),
            (|block, all| block.set_limits(&all.limits), |to, all| to.limits = all.limits),
            (
                |block, _| block.set_sample_dropped(19),
                |to, all| {
                    to.sample_dropped = all.sample_dropped;
                },
            ),
            (|block, all| block.set_clock(all.clock), |to, all| to.clock = all.clock),
            (
                |block, all| block.set_ntp_limits(&all.ntp_limits),
                |to, all| {
                    to.ntp_limits = all.ntp_limits;
                },
            ),
        ];
        let (block, all) = (ControlBlock::default(), distinct());
        let mut expected = Control::new_zeroed();
        for (set, copy) in steps {
            set(block, &all);
            copy(&mut expected, &all);
            assert_eq!(block.read(), expected);
        }
        assert_eq!(expected, all);
    }

    #[test]
    fn each_method_reads_the_words_that_it_is_named_after() {
        let (block, all) = (ControlBlock::default(), distinct());
        block.write(&all);
        assert_eq!(block.generation(), all.generation);
        assert_eq!(block.lease(), all.lease);
        assert_eq!([block.sample(), block.sample_dropped()], [all.sample, all.sample_dropped]);
        assert_eq!([block.service_seed(), block.switches()], [all.service_seed, all.switches]);
        assert_eq!([block.side(0), block.side(3)], all.sides);
        assert_eq!(block.own_address(), all.own_address);
        assert_eq!(block.usual_trie(), all.usual_trie);
        let services = [0, 1, 2].map(|family| block.first_service(family));
        assert_eq!(services, [Some(all.first_services[0]), Some(all.first_services[1]), None]);
        assert_eq!(block.unix_seconds(), all.unix_seconds);
        assert_eq!(block.cookie_state(), all.cookies.state);
        assert_eq!([block.cookie_secrets(0), block.cookie_secrets(7)], all.cookies.secrets);
        assert_eq!(block.nsid(), all.nsid);
        assert_eq!((block.limits(), block.ntp_limits()), (all.limits, all.ntp_limits));
        assert_eq!(block.jiffies_per_second(), LIMITS.jiffies_per_second);
        assert_eq!([block.clock(), block.next_clock()], [all.clock, all.clock + 1]);
    }

    #[test]
    fn a_switch_leaves_the_other_bits_alone() {
        let block = ControlBlock::default();
        block.set_switches(switches::FIB);
        block.set_switch(switches::BYPASS, true);
        block.publish_switch(switches::LIMIT, true);
        assert_eq!(block.switches(), switches::FIB | switches::BYPASS | switches::LIMIT);
        assert!(block.may_drop());
        block.set_switch(switches::BYPASS, false);
        block.publish_switch(switches::LIMIT, false);
        assert_eq!(block.switches(), switches::FIB);
        assert!(!block.may_drop());
    }

    #[test]
    fn an_own_address_is_replaced_and_a_clock_is_never_numbered_0() {
        let block = ControlBlock::default();
        block.set_own_address(7);
        block.set_own_address(8);
        assert_eq!(block.own_address(), 8);
        block.set_clock(u64::MAX);
        assert_eq!(block.next_clock(), 1);
    }
}
