//! The targets of a client in a zone, the most specific first.
//!
//! They follow from the zone's `targeting` and the client's place. A target is what may stand
//! behind a label: `[192.0.2.1]`, `as64496`, `us-ca`, `us-west`, `us`, `north-america`, and `@` for
//! the plain label. Their order is fixed, whatever the order of the words in `targeting`.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::countries::{CONTINENTS, REGION_GROUPS, continent, region_group};
use super::name::quote;

/// The country of clients of whom it isn't known, or doesn't matter for the answer.
pub const NOWHERE: &str = "-";

/// Why a text isn't a zone's `targeting`. Texts are in quotes, and shortened if they are very long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetingError {
    /// Nothing between two spaces, before the first or behind the last; the whole text.
    #[error("{0} has an empty word; put exactly one space between words")]
    EmptyWord(String),
    /// Not one of the words; the word.
    #[error("unknown word {0}; the words are: @ continent country regiongroup region asn ip")]
    UnknownWord(String),
}

/// Which kinds of target a zone uses: a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Targeting(u8);

impl Targeting {
    /// The plain label, for everyone.
    pub const GLOBAL: Self = Self(1);
    /// The client's continent.
    pub const CONTINENT: Self = Self(1 << 1);
    /// The client's country.
    pub const COUNTRY: Self = Self(1 << 2);
    /// The client's region group.
    pub const REGION_GROUP: Self = Self(1 << 3);
    /// The client's region.
    pub const REGION: Self = Self(1 << 4);
    /// The client's autonomous system.
    pub const ASN: Self = Self(1 << 5);
    /// The client's address and the network around it.
    pub const IP: Self = Self(1 << 6);

    /// The words of a zone file, in the order in which geodns shows them.
    const WORDS: [(&'static str, Self); 7] = [
        ("@", Self::GLOBAL),
        ("continent", Self::CONTINENT),
        ("country", Self::COUNTRY),
        ("regiongroup", Self::REGION_GROUP),
        ("region", Self::REGION),
        ("asn", Self::ASN),
        ("ip", Self::IP),
    ];

    /// Reads the words of a zone file: any of `@ continent country regiongroup region asn ip`, one
    /// space between.
    ///
    /// # Errors
    /// A [`TargetingError`] if a word is unknown or empty.
    pub fn parse(text: &str) -> Result<Self, TargetingError> {
        let mut all = Self(0);
        for word in text.split(' ') {
            let known = Self::WORDS.iter().find(|(name, _)| *name == word);
            all = match (known, word) {
                (Some((_, bit)), _) => all.with(*bit),
                (None, "") => return Err(TargetingError::EmptyWord(quote(text))),
                (None, _) => return Err(TargetingError::UnknownWord(quote(word))),
            };
        }
        Ok(all)
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some client could have the target `suffix` (not `@`), which stands behind a label.
    pub fn could_give(self, suffix: &str) -> bool {
        let by_country = || match suffix.as_bytes() {
            [one, two] => continent([*one, *two]).is_some(),
            _ => false,
        };
        let by_region = || {
            let (country, subdivision) = suffix.split_once('-').unwrap_or_default();
            country.len() == 2 && (1..=3).contains(&subdivision.len())
        };
        let by_asn = || {
            let digits = suffix.strip_prefix("as").unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        self.contains(Self::CONTINENT) && CONTINENTS.contains(&suffix)
            || self.contains(Self::COUNTRY) && by_country()
            || self.contains(Self::REGION_GROUP) && REGION_GROUPS.contains(&suffix)
            || self.contains(Self::REGION) && by_region()
            || self.contains(Self::ASN) && by_asn()
            || self.contains(Self::IP) && suffix.starts_with('[') && suffix.ends_with(']')
    }
}

impl Default for Targeting {
    /// `@ continent country`.
    fn default() -> Self {
        Self::GLOBAL.with(Self::CONTINENT).with(Self::COUNTRY)
    }
}

impl fmt::Display for Targeting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Self::WORDS.iter().filter(|(_, bit)| self.contains(*bit));
        out.write_str(&words.map(|(word, _)| *word).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Debug for Targeting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Targeting({self})")
    }
}

/// Where a client is, as far as it is known. All texts are lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPlace {
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<[u8; 2]>,
    /// The country's continent.
    pub continent: Option<&'static str>,
    /// Country and first subdivision, such as `us-ca`.
    pub region: Option<String>,
    /// The region's group.
    pub region_group: Option<&'static str>,
    /// Autonomous system number; `None` and 0 are both the target `as0`.
    pub asn: Option<u32>,
    /// The address itself.
    pub ip: Option<IpAddr>,
}

impl ClientPlace {
    /// A place in a country, in any letter case; the continent follows. Nowhere, if `code` isn't
    /// two letters.
    #[must_use]
    pub fn in_country(code: &str) -> Self {
        match code.as_bytes() {
            [one, two] if one.is_ascii_alphabetic() && two.is_ascii_alphabetic() => {
                let country = [one.to_ascii_lowercase(), two.to_ascii_lowercase()];
                Self { country: Some(country), continent: continent(country), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// The same place, in a subdivision of the country such as `CA`; the region group follows.
    #[must_use]
    pub fn in_subdivision(mut self, code: &str) -> Self {
        if let (Some([one, two]), false) = (self.country, code.is_empty()) {
            let country = [char::from(one), char::from(two)];
            let region = format!("{}{}-{}", country[0], country[1], code.to_ascii_lowercase());
            self.region_group = region_group(&region);
            self.region = Some(region);
        }
        self
    }
}

/// The most targets that a client has: two of its address and one of each other kind.
const MOST: usize = 8;

/// The targets of a client in one zone, in the order in which labels are tried. Those that few
/// clients share are on the heap, the rest are not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Targets {
    list: [Cow<'static, str>; MOST],
    n: usize,
}

impl Default for Targets {
    /// None at all.
    fn default() -> Self {
        Self { list: [const { Cow::Borrowed("") }; MOST], n: 0 }
    }
}

impl Targets {
    /// The targets that `targeting` makes of `place`.
    #[must_use]
    pub fn new(targeting: Targeting, place: &ClientPlace) -> Self {
        let wants = |kind| targeting.contains(kind);
        let mut targets = Self::default();
        if let (true, Some(ip)) = (wants(Targeting::IP), place.ip) {
            targets.push_addresses(ip.to_canonical());
        }
        if wants(Targeting::ASN) {
            targets.push(format!("as{}", place.asn.unwrap_or(0)).into());
        }
        if let (true, Some(region)) = (wants(Targeting::REGION), &place.region) {
            targets.push(region.clone().into());
        }
        if let (true, Some(group)) = (wants(Targeting::REGION_GROUP), place.region_group) {
            targets.push(group.into());
        }
        if let (true, Some(country)) = (wants(Targeting::COUNTRY), place.country) {
            targets.push(country_text(country));
        }
        if let (true, Some(continent)) = (wants(Targeting::CONTINENT), place.continent) {
            targets.push(continent.into());
        }
        if wants(Targeting::GLOBAL) {
            targets.push("@".into());
        }
        targets
    }

    /// These targets, most specific first; no client has more than eight.
    #[must_use]
    pub fn of(given: impl IntoIterator<Item = String>) -> Self {
        let mut targets = Self::default();
        for target in given {
            targets.push(target.into());
        }
        targets
    }

    /// The targets, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().take(self.n).map(AsRef::as_ref)
    }

    fn push(&mut self, target: Cow<'static, str>) {
        debug_assert!(self.n < MOST, "a kind of target that isn't counted");
        if let Some(slot) = self.list.get_mut(self.n) {
            *slot = target;
            self.n += 1;
        }
    }

    /// The address itself, then its network: /24 unless that is the same, /48.
    fn push_addresses(&mut self, ip: IpAddr) {
        self.push(format!("[{ip}]").into());
        match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, last] = ip.octets();
                if last != 0 {
                    self.push(format!("[{}]", Ipv4Addr::new(a, b, c, 0)).into());
                }
            }
            IpAddr::V6(ip) => {
                let network = Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80));
                self.push(format!("[{network}]").into());
            }
        }
    }

    /// Whether they say nothing about the client: none at all, or `@` alone. geodns then asks for
    /// the targets of the packet's source instead of the client subnet's.
    #[must_use]
    pub fn is_unspecific(&self) -> bool {
        self.iter().all(|target| target == "@")
    }
}

/// Every pair of letters, in order.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
static PAIRS: [[u8; 2]; 26 * 26] = {
    let mut pairs = [[b'a'; 2]; 26 * 26];
    let mut nth = 1;
    while nth < pairs.len() {
        let [first, second] = pairs[nth - 1];
        pairs[nth] = if second == b'z' { [first + 1, b'a'] } else { [first, second + 1] };
        nth += 1;
    }
    pairs
};

/// A country's code as text.
fn country_text(code: [u8; 2]) -> Cow<'static, str> {
    let letter = |octet: u8| octet.checked_sub(b'a').filter(|nth| *nth < 26).map(usize::from);
    let known = || str::from_utf8(PAIRS.get(26 * letter(code[0])? + letter(code[1])?)?).ok();
    known().map_or_else(|| code.map(char::from).iter().collect::<String>().into(), Cow::Borrowed)
}

impl fmt::Display for Targets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, target) in self.iter().enumerate() {
            let space = if nth > 0 { " " } else { "" };
            write!(out, "{space}{target}")?;
        }
        Ok(())
    }
}

/// The target that is a country, if any.
#[must_use]
pub fn country<'t>(mut targets: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    targets.find(|target| target.len() == 2 && target.bytes().all(|c| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::{ClientPlace, Targeting, TargetingError, Targets};

    const ALL: &str = "@ continent country regiongroup region asn ip";

    fn targets(targeting: &str, place: &ClientPlace) -> String {
        Targets::new(Targeting::parse(targeting).unwrap(), place).to_string()
    }

    fn san_francisco() -> ClientPlace {
        let place = ClientPlace::in_country("US").in_subdivision("CA");
        ClientPlace { asn: Some(64_496), ip: Some("192.0.2.7".parse().unwrap()), ..place }
    }

    #[test]
    fn targets_come_in_one_order_whatever_the_order_of_the_words() {
        let expect = "[192.0.2.7] [192.0.2.0] as64496 us-ca us-west us north-america @";
        assert_eq!(targets(ALL, &san_francisco()), expect);
        assert_eq!(
            targets("country ip @ asn regiongroup continent region", &san_francisco()),
            expect
        );
    }

    #[test]
    fn each_word_gives_its_own_targets_only() {
        for (word, expect) in [
            ("ip", "[192.0.2.7] [192.0.2.0]"),
            ("asn", "as64496"),
            ("region", "us-ca"),
            ("regiongroup", "us-west"),
            ("country", "us"),
            ("continent", "north-america"),
            ("@", "@"),
        ] {
            assert_eq!(targets(word, &san_francisco()), expect);
        }
    }

    #[test]
    fn the_default_is_country_continent_and_global() {
        let targets = Targets::new(Targeting::default(), &san_francisco());
        assert_eq!(targets.to_string(), "us north-america @");
    }

    #[test]
    fn an_ipv4_network_that_is_the_address_is_not_repeated() {
        let place =
            ClientPlace { ip: Some("192.0.2.0".parse().unwrap()), ..ClientPlace::default() };
        assert_eq!(targets("ip", &place), "[192.0.2.0]");
    }

    #[test]
    fn an_ipv6_address_is_followed_by_its_48() {
        let place =
            ClientPlace { ip: Some("2001:db8:1:2::3".parse().unwrap()), ..ClientPlace::default() };
        assert_eq!(targets("ip", &place), "[2001:db8:1:2::3] [2001:db8:1::]");
    }

    #[test]
    fn an_ipv4_address_mapped_into_ipv6_is_an_ipv4_target() {
        let place =
            ClientPlace { ip: Some("::ffff:192.0.2.7".parse().unwrap()), ..ClientPlace::default() };
        assert_eq!(targets("ip", &place), "[192.0.2.7] [192.0.2.0]");
    }

    #[test]
    fn an_unknown_client_has_the_global_target_and_as0() {
        assert_eq!(targets(ALL, &ClientPlace::default()), "as0 @");
        assert_eq!(targets("@ country continent", &ClientPlace::in_country("")), "@");
    }

    #[test]
    fn the_uk_is_gb_and_a_region_without_a_group_has_none() {
        assert_eq!(
            targets(ALL, &ClientPlace::in_country("GB").in_subdivision("ENG")),
            "as0 gb-eng gb europe @"
        );
    }

    #[test]
    fn a_country_without_a_continent_is_a_target_alone() {
        assert_eq!(targets("@ country continent", &ClientPlace::in_country("ZZ")), "zz @");
    }

    #[test]
    fn targets_say_nothing_when_there_are_none_or_only_the_global_one() {
        let is_unspecific = |targeting: &str, place: &ClientPlace| {
            Targets::new(Targeting::parse(targeting).unwrap(), place).is_unspecific()
        };
        assert!(is_unspecific("@ country", &ClientPlace::default()));
        assert!(is_unspecific("country", &ClientPlace::default()));
        assert!(!is_unspecific("@ asn", &ClientPlace::default()));
        assert!(!is_unspecific("@ country", &ClientPlace::in_country("de")));
    }

    #[test]
    fn every_country_is_its_own_target() {
        for first in 'a'..='z' {
            for second in 'a'..='z' {
                let code = format!("{first}{second}");
                let place = ClientPlace::in_country(&code.to_uppercase());
                assert_eq!(targets("country", &place), code);
            }
        }
    }

    #[test]
    fn words_must_be_exact_and_one_space_apart() {
        assert_eq!(
            Targeting::parse("@ contry").unwrap_err().to_string(),
            r#"unknown word "contry"; the words are: @ continent country regiongroup region asn ip"#
        );
        assert_eq!(
            Targeting::parse("Country"),
            Err(TargetingError::UnknownWord(r#""Country""#.to_owned()))
        );
        for text in ["", "country ", " country", "country  @"] {
            assert_eq!(
                Targeting::parse(text).unwrap_err().to_string(),
                format!("{text:?} has an empty word; put exactly one space between words")
            );
        }
        assert_eq!(Targeting::parse("ip asn @").unwrap().to_string(), "@ asn ip");
    }

    #[test]
    fn a_suffix_could_be_a_target_only_if_the_zone_uses_its_kind() {
        for (word, suffix) in [
            ("continent", "europe"),
            ("country", "gb"),
            ("regiongroup", "ru-tfd"),
            ("region", "us-ca"),
            ("region", "gb-eng"),
            ("asn", "as15169"),
            ("ip", "[192.0.2.0]"),
        ] {
            assert!(Targeting::parse(word).unwrap().could_give(suffix), "{suffix}");
            assert!(!Targeting::GLOBAL.could_give(suffix), "{suffix}");
        }
        for suffix in ["debian", "uk", "asx", "as1x", "0", "", "us-", "@"] {
            assert!(!Targeting::parse(ALL).unwrap().could_give(suffix), "{suffix}");
        }
    }
}
