//! A query, read, comes in; what is said to it whatever it asks for goes out: nothing published, a drain, an unknown
//! EDNS version, a bad cookie, too many queries.

use crate::abi::{CookieKeys, switches};
use crate::cookie::{self, Cookie};
use crate::limit;
use crate::scratch::{Scratch, has};
use crate::tables::Tables;
use crate::verdict::{Action, Verdict};
use crate::wire::dns;

/// RCODEs (RFC 6895 §2.3).
mod rcode {
    pub(super) const REFUSED: u32 = 5;
    pub(super) const BADVERS: u32 = 16;
    pub(super) const BADCOOKIE: u32 = 23;
}

/// Which side of the tables is in use, and its seed.
#[inline(always)]
pub(super) fn side<T: Tables>(tables: &T) -> Result<(u32, u64), Verdict> {
    let generation = tables.generation();
    if generation == 0 {
        return Err(Verdict::Unpublished);
    }
    if tables.now() >= tables.lease() {
        return Err(Verdict::Lease);
    }
    let control = tables.control();
    Ok(if generation & 1 == 0 {
        (0, control.sides[0].name_seed)
    } else {
        (1, control.sides[1].name_seed)
    })
}

/// Rules on a query; gives the verdict of the reply if it is one without records.
#[inline(always)]
pub(super) fn rule<T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
) -> Result<Option<Verdict>, Verdict> {
    let control = tables.control();
    if control.switches & switches::DRAIN != 0 {
        return Err(Verdict::Drain);
    }
    scratch.deck = crate::abi::Deck::NONE;
    scratch.records = 0;
    scratch.scope = 0;
    scratch.rcode = 0;
    scratch.authoritative = 0;
    scratch.truncated = 0;
    if scratch.has(has::VERSION) {
        scratch.rcode = rcode::BADVERS;
        return Ok(Some(Verdict::Badvers));
    }
    let mut is_good = false;
    let state = control.cookies.state;
    if scratch.has(has::COOKIE) && state & CookieKeys::SECRETS != 0 {
        let ruling = cookie(scratch).rule(&control.cookies, state, now(control.unix_seconds), ());
    }
    Ok(None)
}
