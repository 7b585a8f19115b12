//! The rulings stage: what is decided before the name is looked up.
//!
//! These are an unpublished generation, an ended lease, a bypass, an unknown EDNS version, a bad
//! cookie, and a client over its rate.

use crate::abi::{Deck, Hits, switches};
use crate::cookie::{self, Cookie};
use crate::frame::Frame;
use crate::limit;
use crate::scratch::{Flags, Scratch};
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::dns;

/// Reads the generation, which says what side of the tables is in use.
#[inline(always)]
pub(super) fn side<T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<(), Verdict> {
    let generation = tables.generation();
    if generation == 0 {
        return Err(Verdict::Unpublished);
    }
    if tables.now() >= tables.lease() {
        return Err(Verdict::Lease);
    }
    scratch.side = (generation & 1) as u32;
    scratch.seed = tables.side(scratch.side).name_seed;
    Ok(())
}

/// Rules on a query; gives the verdict of the reply if it is one without records.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "it is 0")]
pub(super) fn rule<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
) -> Result<Option<Verdict>, Verdict> {
    if scratch.switches & switches::BYPASS != 0 {
        return Err(Verdict::Bypass);
    }
    let is_exempt = limit::listed(tables, scratch.switches, scratch.source)?;
    // Hidden, or zeroes side by side become a call of a function that zeroes memory octet by octet.
    let zero = F::opaque(0);
    scratch.deck = Deck { kind: zero as u8, records: zero as u8, ..scratch.deck };
    let zero = zero as u32;
    scratch.records = zero;
    scratch.scope = zero;
    scratch.rcode = zero;
    scratch.authoritative = zero;
    scratch.truncated = zero;
    scratch.hit = zero | Hits::NONE;
    if scratch.has_flag(Flags::VERSION) {
        scratch.rcode = dns::rcode::BADVERS;
        return Ok(Some(Verdict::Badvers));
    }
    let mut is_good = false;
    if scratch.has_flag(Flags::COOKIE) {
        let state = tables.cookie_state();
        let secrets = tables.cookie_secrets(cookie::state::side(state));
        #[expect(clippy::cast_possible_truncation, reason = "cookies have seconds modulo 2³²")]
        let now = tables.unix_seconds() as u32;
        let cookie = Cookie::new(scratch.cookie_octets, scratch.client, scratch.server);
        let ruling = cookie.and_then(|it| it.rule(state, &secrets, now, scratch.source));
        if let Some(ruling) = ruling {
            is_good = ruling.is_good;
            scratch.server = ruling.server;
            scratch.flags.set(Flags::SERVER);
            if !is_good && state & cookie::state::ENFORCED != 0 {
                scratch.rcode = dns::rcode::BADCOOKIE;
                return Ok(Some(Verdict::Badcookie));
            }
        }
    }
    F::compiler_fence(scratch);
    let (six, slip_hash) =
        (scratch.has_flag(Flags::SIX), limit::slip_hash(scratch.front, scratch.ports));
    match limit::admit(
        tables,
        scratch.switches,
        scratch.source,
        six,
        is_good || is_exempt,
        slip_hash,
    ) {
        Ok(()) => {}
        Err(Verdict::Slip) => {
            scratch.truncated = 1;
            return Ok(Some(Verdict::Slip));
        }
        Err(refusal) => return Err(refusal),
    }
    #[expect(clippy::cast_possible_truncation, reason = "the word's halves are type and class")]
    let (rtype, class) = (scratch.type_class as u16, (scratch.type_class >> 16) as u16);
    if class != dns::CLASS_IN.to_be() {
        return Err(Verdict::Class);
    }
    match u16::from_be(rtype) {
        dns::TYPE_IXFR | dns::TYPE_AXFR => Err(Verdict::Type),
        _ => Ok(None),
    }
}

/// The verdict on a name of no zone.
#[inline(always)]
pub(super) const fn unknown(scratch: &mut Scratch) -> Result<Verdict, Verdict> {
    if scratch.switches & switches::REFUSE == 0 {
        return Err(Verdict::UnknownName);
    }
    scratch.rcode = dns::rcode::REFUSED;
    Ok(Verdict::Refused)
}
