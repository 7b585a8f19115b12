//! The oracle: the reply of the authority's slow path, which reads no tables.
//!
//! From it follows what the engine has to do with the message.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use edge_authority::{Answerer, Asked, Options, Serving};
use edge_common::verdict::{Action, Verdict};
use edge_tables::store::Store;
use edge_zone::Zone;
use edge_zone::geo::Databases;
use edge_zone::geo::GeoLocator;

use crate::controls::Controls;
use crate::message::{Reply, rcode, rtype};

/// The slow path over some zones.
pub struct Slow {
    serving: Serving,
    answerer: Answerer,
    options: Options,
    /// Where its control words are.
    store: Store,
}

impl Slow {
    /// Draws by `seed`.
    #[must_use]
    pub fn new(zones: Vec<Zone>, databases: Databases, seed: u64, controls: &Controls) -> Self {
        let places = GeoLocator { databases: Arc::new(databases), ..GeoLocator::default() };
        let serving = Serving::new(zones.into_iter().map(Arc::new), Arc::new(places));
        let answerer = Answerer::new(fastrand::Rng::with_seed(seed));
        let store = Store::in_memory();
        let options = controls.options(&store);
        let mut slow = Self { serving, answerer, options, store };
        slow.configure(controls);
        slow
    }

    /// From now on with something else configured.
    pub fn configure(&mut self, controls: &Controls) {
        let _before = controls.write(&self.store);
        self.options = controls.options(&self.store);
    }

    /// The reply to a message, if there is one.
    pub fn answer(
        &mut self,
        client: SocketAddr,
        server: SocketAddr,
        message: &[u8],
        stream: bool,
    ) -> Option<Vec<u8>> {
        let asked = Asked { client, server, stream };
        let mut out = Vec::new();
        let code = self.answerer.answer(&self.serving, &self.options, message, &asked, &mut out)?;
        let _ = code;
        Some(out)
    }
}

/// The verdict of an engine that gives this reply; `None` if none may.
#[must_use]
pub fn verdict(reply: &Reply) -> Option<Verdict> {
    match reply.rcode {
        rcode::NOERROR if !reply.answers.is_empty() => Some(Verdict::Answer),
        rcode::NOERROR if !reply.authorities.is_empty() => Some(Verdict::Nodata),
        rcode::NXDOMAIN => Some(Verdict::Nxdomain),
        rcode::BADVERS => Some(Verdict::Badvers),
        rcode::BADCOOKIE => Some(Verdict::Badcookie),
        rcode::REFUSED => Some(Verdict::Refused),
        _ => None,
    }
}

/// Whether two replies differ at most in which records were drawn from `all` and in which order;
/// `None` if it isn't known what there was to draw from.
///
/// # Errors
/// How else they differ, in words.
pub fn same(fast: &[u8], slow: &[u8], all: Option<&Reply>) -> Result<(), String> {
    let (one, other) = (Reply::read(fast)?, Reply::read(slow)?);
    let check = |right: bool, what: &str| {
        if right { Ok(()) } else { Err(format!("{what}: {one:?}, but by the slow path {other:?}")) }
    };
    let around = |reply: &Reply| Reply { answers: Vec::new(), octets: Vec::new(), ..reply.clone() };
    check(around(&one) == around(&other), "around the answers")?;
    let kept = |reply: &Reply| {
        let records = reply.answers.iter();
        records.map(|r| (r.owner.clone(), r.rtype, r.class, r.ttl)).collect::<Vec<_>>()
    };
    check(kept(&one) == kept(&other), "but for the data")?;
    let drawn: BTreeSet<&str> = one.data().into_iter().collect();
    check(drawn.len() == one.answers.len(), "a record twice")?;
    let are_addresses = one.answers.iter().all(|r| matches!(r.rtype, rtype::A | rtype::AAAA));
    check(!are_addresses || fast.len() == slow.len(), "octets")?;
    check(!one.answers.is_empty() || fast == slow, "octets, of which none were drawn")?;
    // Of several CNAME records each answer has one, however many it may hold.
    let is_whole = |all: &&Reply| all.answers.iter().all(|record| record.rtype != rtype::CNAME);
    let Some(all) = all.filter(is_whole) else { return Ok(()) };
    let allowed: BTreeSet<&str> = all.data().into_iter().collect();
    check(drawn.is_subset(&allowed), "a record that there isn't")?;
    check(allowed.len() != drawn.len() || one.sorted() == other.sorted(), "records")?;
    check(allowed.len() > 1 || fast == slow, "octets, of which none were drawn")
}

/// Whether what the engine made of a message is what the slow path makes of it, or the message as
/// it was.
///
/// # Errors
/// How they differ, in words.
pub fn agree(
    ruled: Verdict,
    fast: Option<&[u8]>,
    slow: Option<&[u8]>,
    all: Option<&Reply>,
) -> Result<(), String> {
    if ruled.action() != Action::Tx {
        return Ok(());
    }
    let fast = fast.ok_or("no sound reply")?;
    let slow = slow.ok_or_else(|| format!("{ruled:?}, but the authority is silent"))?;
    let reply = Reply::read(slow)?;
    if verdict(&reply) != Some(ruled) {
        return Err(format!("{ruled:?}, but the authority says {reply:?}"));
    }
    same(fast, slow, all)
}
