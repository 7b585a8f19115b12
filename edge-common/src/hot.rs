//! The hot path, which nearly all queries take.
//!
//! It answers a name of at most 32 octets, type A or AAAA, without EDNS options, with four
//! addresses or a ready-made negative answer. It is as short as it can be: a query that differs
//! only a little takes the general path, from the frame's beginning. Nothing is written before
//! everything that could fail has been decided.

use crate::abi::{ClassRow, Control, Hits, switches};
use crate::answer::{self, Dealt};
use crate::compose::{Four, NegativeAnswer, Records};
use crate::frame::Frame;
use crate::limit;
use crate::name::{self, NameEnd, SHORT_OCTETS, WINDOW_OCTETS};
use crate::network::{At, HEADERS, Headers, Network, over_frame};
use crate::ntp;
use crate::service;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::verifier::narrow16;
use crate::wire::checksum::Sum;
use crate::wire::dns::{self, back, front, opt};
use crate::wire::ethernet::Ethernet;
use crate::wire::{load16, load32, load64, store32, store64};

/// How a frame leaves the hot path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With a verdict.
    Done(Verdict),
    /// Unmodified; the general path goes on.
    General,
    /// Unmodified; NTP's path goes on.
    Ntp,
}

/// A value with which the hot path goes on, or the exit by which the frame leaves it.
///
/// An exit is not a failure. It is an `Err` for the sake of `?`, which converts the verdicts of
/// parsers.
type OrExit<T> = Result<T, Exit>;

impl From<Verdict> for Exit {
    #[inline(always)]
    fn from(verdict: Verdict) -> Self {
        Self::Done(verdict)
    }
}

/// Decides on a frame, and turns it into its answer where the verdict says so.
#[inline(always)]
pub fn hot<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Exit {
    match serve(frame, tables) {
        Ok(verdict) => Exit::Done(verdict),
        Err(exit) => exit,
    }
}

#[inline(always)]
fn serve<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> OrExit<Verdict> {
    let switches = tables.switches();
    if switches & switches::DETOUR != 0 {
        return Err(if ntp::is_asked(frame, tables) { Exit::Ntp } else { Exit::General });
    }
    over_frame!(frame, |N, link, at| {
        answer_query::<F, T, N, _>(frame, tables, switches, &link, at)
    })
}

/// The fields of a query before its question.
struct Front {
    /// Source and destination port.
    ports: u32,
    /// ID, flags, QDCOUNT, ANCOUNT.
    front: u64,
    /// NSCOUNT, ARCOUNT.
    back: u32,
    /// Octets of the question's name.
    name_octets: usize,
}

/// Reads the UDP and DNS headers; refuses what isn't a query that tables can answer.
#[inline(always)]
fn read_front<F: Frame, T: Tables, N: Network>(
    tables: &T,
    network: &N,
    headers: &[u8; HEADERS],
    payload: usize,
) -> OrExit<Front> {
    let datagram = usize::from(u16::from_be(load16::<4, _>(headers)));
    if datagram != payload {
        return Err(Verdict::Length.into());
    }
    let ports = load32::<0, _>(headers);
    #[expect(clippy::cast_possible_truncation, reason = "the word's two halves are the ports")]
    let (from, to) = (ports as u16, u16::from_be((ports >> 16) as u16));
    if let Err(verdict) = service::admit(tables, N::FAMILY, network.destination(), to) {
        let is_ntp = service::is_ntp(tables, network.destination(), to);
        return Err(if is_ntp { Exit::Ntp } else { verdict.into() });
    }
    if from == 0 {
        return Err(Verdict::Source.into());
    }
    if !N::CHECKSUM_OPTIONAL && load16::<6, _>(headers) == 0 {
        return Err(Verdict::Checksum.into());
    }
    let front = load64::<8, _>(headers);
    let back = load32::<16, _>(headers);
    if front & front::RULED != front::ONE_QUESTION || back & !back::ONE_ADDITIONAL != 0 {
        return Err(Exit::General);
    }
    let fixed = HEADERS + dns::TYPE_CLASS_OCTETS;
    let opt = if back == 0 { 0 } else { dns::OPT_OCTETS };
    let name_octets = datagram.wrapping_sub(fixed + opt);
    if name_octets.wrapping_sub(1) >= SHORT_OCTETS {
        return Err(Exit::General);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a word of four octets comes back")]
    let back = F::forget(back as usize, front) as u32;
    let name_octets = F::forget(name_octets, front);
    Ok(Front { ports, front, back, name_octets })
}

#[inline(always)]
fn answer_query<F: Frame, T: Tables, N: Network, A: At>(
    frame: &mut F,
    tables: &T,
    switches: u64,
    link: &Ethernet,
    at: A,
) -> OrExit<Verdict> {
    let destination = link.destination();
    if Control::own(destination) != tables.own_address()
        && !tables.is_own_address(frame.ifindex(), destination)
    {
        return Err(Verdict::Link.into());
    }
    let (header, headers) = N::headers(frame, at).ok_or(Verdict::Truncated)?;
    let (network, total) = N::parse(header)?;
    let query = read_front::<F, T, N>(tables, &network, headers, total.wrapping_sub(N::OCTETS))?;
    if at.octets() + total != frame.octets() || !frame.is_whole() {
        return Err(Exit::General);
    }

    let transport = at.octets() + N::OCTETS;
    let question = transport + HEADERS;
    let octets = query.name_octets;
    let name = NameEnd::parse(frame, question, octets)?;
    let behind = question + octets + dns::TYPE_CLASS_OCTETS;
    let flags = if query.back == 0 {
        None
    } else {
        let record = frame.window_at::<{ dns::OPT_OCTETS }>(behind).ok_or(Verdict::Truncated)?;
        if !opt::is_plain(record) {
            return Err(Exit::General);
        }
        Some(record[7])
    };
    let aaaa = match name.type_class {
        A_IN => false,
        AAAA_IN => true,
        _ => return Err(Exit::General),
    };

    let generation = tables.generation();
    if generation == 0 {
        return Err(Verdict::Unpublished.into());
    }
    if tables.now() >= tables.lease() {
        return Err(Verdict::Lease.into());
    }
    let side = if generation & 1 == 0 {
        (0, tables.side(0).name_seed)
    } else {
        (1, tables.side(1).name_seed)
    };
    let six = N::FAMILY != 0;
    let reply_to = |name| Reply { link, at, network, query: &query, name, flags };
    let Some(entry) = name::find_short(tables, side, &name) else {
        let absent = absent(frame, tables, side, question, &name).ok_or(Exit::General)?;
        admit(tables, switches, network.source(), six, &query)?;
        return reply_to(name).send(frame, tables, &absent);
    };
    let dealt = answer::hot(tables, &entry.tail, aaaa, octets, move |trie| {
        // Nearly always the same: the processor guesses so, and need not wait for the name's entry.
        let usual = tables.usual_trie() as usize;
        let trie = if trie as usize == usual { F::opaque(usual) } else { trie as usize };
        network.leaf(tables, narrow16(trie).into()).map(|leaf| leaf.class)
    })?;
    let dealt = dealt.ok_or(Exit::General)?;
    admit(tables, switches, network.source(), six, &query)?;
    match dealt {
        Dealt::FourA(card, ttl) => reply_to(name).send(frame, tables, &Four(card, ttl)),
        Dealt::FourAaaa(card, ttl) => reply_to(name).send(frame, tables, &Four(card, ttl)),
        Dealt::Negative(mut ready) => {
            ready.octets = F::forget(ready.octets, query.front);
            reply_to(name).send(frame, tables, &ready)
        }
    }
}

/// Admits a query that is about to be answered, if there are limits. A query that slips is answered
/// by the general path, which computes the same hash for it.
#[inline(always)]
fn admit<T: Tables>(
    tables: &T,
    switches: u64,
    source: [u64; 2],
    six: bool,
    query: &Front,
) -> OrExit<()> {
    if switches & switches::LIMIT == 0 {
        return Ok(());
    }
    let slip_hash = limit::slip_hash(query.front, query.ports);
    limit::admit(tables, switches, source, six, false, slip_hash).map_err(|refusal| match refusal {
        Verdict::Slip => Exit::General,
        refusal => refusal.into(),
    })
}

/// The answer for a name that doesn't exist, if the name one label shorter does: its entry has a
/// deck for that.
#[inline(always)]
fn absent<F: Frame, T: Tables>(
    frame: &F,
    tables: &T,
    side: (u32, u64),
    question: usize,
    name: &NameEnd,
) -> Option<NegativeAnswer> {
    let [label, first] = *frame.window_at::<2>(question)?;
    let above = name.octets.wrapping_sub(1 + usize::from(label));
    if label.wrapping_sub(1) >= 63 || above.wrapping_sub(1) >= name.octets || first == b'_' {
        return None;
    }
    let above = F::forget(above, name.words[3]);
    let above = name.end::<F>(above);
    let entry = name::find_short(tables, side, &above)?;
    if entry.tail.absent == ClassRow::NONE {
        return None;
    }
    tables.mark_hit(Hits::place(&entry.tail, entry.tail.absent.into(), false));
    let deck = tables.deck(entry.tail.table, entry.tail.absent.into(), false)?;
    let mut ready = answer::negative(tables, deck, name.octets)?;
    ready.octets = F::forget(ready.octets, name.words[3]);
    Some(ready)
}

const A_IN: u32 = dns::type_class(dns::TYPE_A, dns::CLASS_IN);
const AAAA_IN: u32 = dns::type_class(dns::TYPE_AAAA, dns::CLASS_IN);

/// Everything that the reply is made of.
struct Reply<'a, N, A> {
    link: &'a Ethernet,
    /// Where the network header begins.
    at: A,
    network: N,
    query: &'a Front,
    name: NameEnd,
    /// The first octet of the query's extended flags, if it had an OPT record.
    flags: Option<u8>,
}

impl<N: Network, A: At> Reply<'_, N, A> {
    /// Makes the frame the reply with these records.
    #[inline(always)]
    fn send<F: Frame, T: Tables, R: Records>(
        &self,
        frame: &mut F,
        tables: &T,
        records: &R,
    ) -> OrExit<Verdict> {
        frame.grow_head(narrow16(records.octets()).into()).ok_or(Verdict::Room)?;
        tables.count_hit();
        Ok(self.write(frame, tables, records).ok_or(Verdict::Fault)?)
    }

    /// Writes the reply into the grown frame: the records first, the rest front to back.
    #[inline(always)]
    fn write<F: Frame, T: Tables, R: Records>(
        &self,
        frame: &mut F,
        tables: &T,
        records: &R,
    ) -> Option<Verdict> {
        let Self { query, name, .. } = self;
        let question = self.at.octets() + N::OCTETS + HEADERS;
        let octets = query.name_octets;
        let added = records.octets();
        let end = question + octets + dns::TYPE_CLASS_OCTETS + added;
        let records_sum = records.write(frame, tables, end, octets)?;
        let window = frame.window_at_mut::<WINDOW_OCTETS>(question + octets - SHORT_OCTETS)?;
        store64::<0, _>(window, name.words[0]);
        store64::<8, _>(window, name.words[1]);
        store64::<16, _>(window, name.words[2]);
        store64::<24, _>(window, name.words[3]);
        store32::<SHORT_OCTETS, _>(window, name.type_class);

        // The question begins at an even offset: what follows the name is at the name's parity.
        let mut sum = Sum::new(name.type_class)
            .add64(name.words[0])
            .add64(name.words[1])
            .add64(name.words[2])
            .add64(name.words[3])
            .add32(records_sum);
        let mut opt = 0;
        if let Some(flags) = self.flags {
            opt::compose(frame.window_at_mut(end)?, flags);
            sum = sum.add_at(Sum::new(opt::sum(flags)), added);
            opt = dns::OPT_OCTETS;
        }

        let front = query.front & front::KEPT | front::ANSWERED | records.front();
        let back = query.back | records.back();
        let datagram = HEADERS + octets + dns::TYPE_CLASS_OCTETS + added + opt;
        let datagram = narrow16(datagram);
        let headers = Headers { ports: query.ports, front, back, datagram };
        headers.write(frame, self.at, &self.network, sum, octets)?;
        self.link.write_reply(frame)?;
        Some(records.verdict())
    }
}
