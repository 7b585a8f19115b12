//! Decision whether a server is in the zones, and its weight.

use super::ZonePolicy;
use super::state::HysteresisMemory;
use crate::Server;
use crate::member::Weighting;
use crate::server::ACTIVE_SCORE;

/// How long before its deletion a server leaves: 14 days, in seconds.
const FAREWELL_SECONDS: i64 = 14 * 86_400;

impl ZonePolicy {
    /// The weight of a server at `now`, in seconds since 1970; `None` if it isn't in.
    pub(crate) fn judge(
        &self,
        server: &Server,
        memory: &mut HysteresisMemory,
        now: i64,
    ) -> Option<Weighting> {
        // Called even for a server that is left out, so that its hysteresis is current when it
        // comes back.
        let admitted = match &self.hysteresis {
            Some(hysteresis) => hysteresis.admits(memory, server.id, server.score, now),
            None => server.score >= ACTIVE_SCORE,
        };
        if !admitted || !eligible(server, now) || self.exclude.matches(server) {
            return None;
        }
        let nominal = self.netspeed.map_or(server.netspeed, |speed| speed.clamp(server.netspeed));
        let weight = self.ramp.map_or(nominal, |ramp| {
            let part = u64::from(nominal) * u64::from(ramp.percent(server.score)) / 100;
            u32::try_from(part).unwrap_or(nominal).max(1)
        });
        Some(Weighting { nominal, weight })
    }
}

/// Whether its owner has a server in the pool, with a netspeed, and for more than 14 days to come.
pub(crate) fn eligible(server: &Server, now: i64) -> bool {
    let stays = |date: jiff::civil::Date| {
        // Midnight of that day, UTC. A date that has no such second is centuries away.
        let day = date.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp().as_second());
        day.map_or_else(|_| date.year() > 0, |day| day > now.saturating_add(FAREWELL_SECONDS))
    };
    server.in_pool && server.netspeed > 0 && server.deletion_on.is_none_or(stays)
}
