//! A plain reader of the tables, which looks up a question's answer.

use std::collections::HashMap;
use std::net::IpAddr;

use edge_common::abi::{
    Answer, Card4, ClassRow, Deck, Extent, GeoLeaf, Kind, NameTail, Rrs, TypeRow, maps,
};
use edge_common::class::{leaf4, leaf6};
use edge_common::tables::Tables as _;
use edge_common::wire::checksum::Sum;
use zerocopy::IntoBytes as _;

use edge_tables::store::{HostTables, Store};

/// An answer in the tables.
#[derive(Debug)]
pub(super) struct Said {
    pub code: u8,
    pub kind: Kind,
    /// Records of each card.
    pub records: u8,
    /// The octets behind the question, for each card.
    pub cards: Vec<Vec<u8>>,
    pub flags: u16,
}

/// The side that is served.
pub(super) struct Walk {
    tables: HostTables,
    pub names: HashMap<Vec<u8>, NameTail>,
}

impl Walk {
    pub(super) fn new(store: &Store) -> Self {
        let side = u32::from(store.generation() % 2 == 1);
        let mut names = HashMap::new();
        let mut lengths = [0; 4];
        let mut add = |words: &[u8], tail: NameTail| {
            let octets = tail.octets as usize;
            if octets == 0 {
                assert_eq!((tail.other, tail.absent), (Answer::NONE, ClassRow::NONE));
                return;
            }
            lengths[octets / 64] |= 1_u64 << (octets % 64);
            let name = words[words.len() - octets..].to_vec();
            assert!(names.insert(name, tail).is_none(), "a name stands twice");
        };
        for slot in 0..maps::NAME_SLOTS {
            let entry = store.names.read(side * maps::NAME_SLOTS + slot).unwrap();
            add(entry.words.as_bytes(), entry.tail);
        }
        for slot in 0..maps::LONG_SLOTS {
            let entry = store.long_names.read(side * maps::LONG_SLOTS + slot).unwrap();
            add(entry.words.as_bytes(), entry.tail);
        }
        assert_eq!(store.control.side(side).lengths, lengths);
        Self { tables: HostTables::new(store.clone(), 1, true), names }
    }

    fn leaf(&self, trie: u32, client: IpAddr) -> Option<GeoLeaf> {
        match client {
            IpAddr::V4(ip) => leaf4(&self.tables, trie, u32::from_ne_bytes(ip.octets())).ok(),
            IpAddr::V6(ip) => {
                let front = ip.octets()[..8].try_into().unwrap();
                leaf6(&self.tables, trie, u64::from_ne_bytes(front)).ok()
            }
        }
    }

    /// What answers a question for `name` (lower case); `None` if the authority does.
    pub(super) fn ask(&self, name: &[u8], rtype: u16, client: IpAddr) -> Option<Said> {
        if matches!(rtype, 251 | 252) {
            return None;
        }
        let Some(tail) = self.names.get(name) else { return self.below(name, rtype, client) };
        self.of(tail, name, rtype, client)
    }

    /// What answers for a name that isn't there. The entry of the closest name above has it.
    fn below(&self, name: &[u8], rtype: u16, client: IpAddr) -> Option<Said> {
        let first = &name[1..1 + usize::from(*name.first()?)];
        if [&b"_status"[..], b"_health", b"_country"].contains(&first) {
            return None;
        }
        let mut rest = name;
        let (above, tail) = loop {
            rest = rest.get(1 + usize::from(*rest.first()?)..).filter(|rest| !rest.is_empty())?;
            if let Some(tail) = self.names.get(rest) {
                break (rest, tail);
            }
        };
        if tail.absent != ClassRow::NONE {
            assert_eq!(tail.flags & NameTail::WILD, 0);
            return self.deck(tail, tail.absent.into(), name, 0);
        }
        if tail.flags & NameTail::WILD == 0 {
            return None;
        }
        let wildcard = self.names.get(&[b"\x01*", above].concat()).expect("an asterisk label");
        assert_eq!(wildcard.table, tail.table);
        self.of(wildcard, name, rtype, client)
    }

    fn of(&self, tail: &NameTail, name: &[u8], rtype: u16, client: IpAddr) -> Option<Said> {
        let answer = match rtype {
            1 => tail.a,
            28 => tail.aaaa,
            _ if tail.flags & NameTail::LIST == 0 => tail.other,
            _ => {
                let row = self.tables.type_row(tail.other.index()).unwrap();
                let at = row.types.iter().position(|own| *own == rtype);
                row.answers[at.unwrap_or(TypeRow::TYPES)]
            }
        };
        if answer == Answer::NONE {
            return None;
        }
        let mut deck = answer.index();
        if answer.varies() {
            let at = deck + self.leaf(tail.trie, client)?.class;
            let classes = self.tables.store().zone(tail.table).unwrap().classes;
            let row = classes.read(at / 32).unwrap();
            deck = row.decks[at as usize % 32].into();
            if deck == u32::from(ClassRow::NONE) {
                return None;
            }
        }
        self.deck(tail, deck, name, tail.flags)
    }

    fn deck(&self, tail: &NameTail, deck: u32, name: &[u8], flags: u16) -> Option<Said> {
        let deck = self.tables.deck(tail.table, deck, false)?;
        let kind = [Kind::A, Kind::Aaaa, Kind::Nodata, Kind::Nxdomain, Kind::Ready]
            .into_iter()
            .find(|kind| *kind as u8 == deck.kind)?;
        let Extent { first, cards, .. } = Extent::unpack(deck.cards);
        assert!(cards > 0);
        let cards = (0..cards).map(|card| match kind {
            Kind::A | Kind::Aaaa => self.addresses(&deck, first, card),
            _ => self.ready(&deck, first + card, name),
        });
        let code = if kind == Kind::Nxdomain { 3 } else { 0 };
        Some(Said { code, kind, records: deck.records, cards: cards.collect(), flags })
    }

    fn addresses(&self, deck: &Deck, first: u32, card: u32) -> Vec<u8> {
        let n = usize::from(deck.records);
        let cells = u32::try_from(n.div_ceil(Card4::RECORDS)).unwrap();
        let mut addresses: Vec<Vec<u8>> = Vec::new();
        for cell in (0..cells).rev() {
            let at = first + card * cells + cell;
            if deck.kind == Kind::A as u8 {
                let card = self.tables.card4(at).unwrap();
                addresses.extend(card.addresses.iter().map(|address| address.to_vec()));
            } else {
                let card = self.tables.card6(at).unwrap();
                addresses.extend(card.addresses.iter().map(|address| address.to_vec()));
            }
        }
        let mut octets = Vec::new();
        for address in &addresses[addresses.len() - n..] {
            let rtype = if address.len() == 4 { 1 } else { 28 };
            octets.extend([0xc0, 12, 0, rtype, 0, 1]);
            octets.extend(deck.ttl.to_be_bytes());
            octets.extend(u16::try_from(address.len()).unwrap().to_be_bytes());
            octets.extend(address);
        }
        octets
    }

    fn ready(&self, deck: &Deck, entry: u32, name: &[u8]) -> Vec<u8> {
        let rrs = self.tables.rrs(entry).unwrap();
        let mut octets = rrs.octets[Rrs::MOST - rrs.octets_used as usize..].to_vec();
        assert_eq!(rrs.octets[..Rrs::MOST - octets.len()].iter().max().copied().unwrap_or(0), 0);
        if deck.kind == Kind::Ready as u8 {
            assert_eq!(rrs.sum, u32::from(Sum::default().add_octets(&octets).fold()));
        } else {
            assert_eq!(rrs.sum, u32::from(Sum::default().add_octets(&octets[2..]).fold()));
            let at = 0xc000 + 12 + name.len() - usize::from(deck.apex_octets);
            octets[..2].copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
        }
        octets
    }
}
