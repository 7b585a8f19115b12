//! The rate limits and denials of NTP clients, as live control words.

use edge_common::abi::{NtpLimits, switches};
use edge_common::limit::NtpRate;
use zerocopy::FromZeros as _;

use super::seeds;
use crate::jiffies;
use crate::store::Store;

/// Limits NTP clients to this rate from now on, or ends the limit if there is none.
///
/// What clients have used up is still used up, as far as the new rate's buckets hold it.
pub fn set_ntp_rate(store: &Store, rate: Option<NtpRate>) {
    let Some(rate) = rate else {
        store.control.publish_switch(switches::NTP_LIMIT, false);
        store.control.set_ntp_limits(&NtpLimits::new_zeroed());
        return;
    };
    let seeds = seeds(&store.control.ntp_limits().limits);
    store.control.set_ntp_limits(&rate.limits(jiffies::per_second(), seeds));
    store.control.publish_switch(switches::NTP_LIMIT, true);
}

/// Sets whether denied NTP clients get the kiss code DENY. They get it only while there is a rate.
pub fn set_ntp_denial(store: &Store, is_told: bool) {
    store.control.publish_switch(switches::NTP_DENY, is_told);
}

#[cfg(test)]
mod tests {
    use edge_common::abi::{Control, switches};
    use edge_common::limit::NtpRate;

    use super::{set_ntp_denial, set_ntp_rate};
    use crate::jiffies;
    use crate::live::limits::set;
    use crate::store::Store;

    fn control(store: &Store) -> Control {
        store.control.read()
    }

    const RATE: NtpRate =
        NtpRate { interval: 3, burst: 8, leak: 2, kod: 0, prefix4: 32, prefix6: 64 };

    #[test]
    fn what_is_configured_is_what_packets_read() {
        let store = Store::in_memory();
        let keys = "[ntp]\ninterval = 4\nburst = 16\nleak = 3\nkod = 1\nipv4_prefix = 24\n";
        set(&toml::from_str(keys).unwrap(), &store, None).unwrap();
        let control = control(&store);
        assert_eq!(control.switches, switches::NTP_LIMIT);
        let rate = NtpRate { interval: 4, burst: 16, leak: 3, kod: 1, prefix4: 24, ..RATE };
        let seeds = control.ntp_limits.limits.seeds;
        assert_eq!(control.ntp_limits, rate.limits(jiffies::per_second(), seeds));
        assert_ne!(seeds[0], seeds[1]);
    }

    #[test]
    fn limits_of_time_come_and_go_and_leave_everything_else_alone() {
        let store = Store::in_memory();
        store.control.set_switches(switches::FIB | switches::LIMIT);
        let before = control(&store);
        set_ntp_rate(&store, Some(RATE));
        set_ntp_denial(&store, true);
        let limited = control(&store);
        let own = switches::NTP_LIMIT | switches::NTP_DENY;
        assert_eq!(limited.switches, before.switches | own);
        // Whoever reads a rate that has changed finds its seeds as they were.
        set_ntp_rate(&store, Some(NtpRate { interval: 4, ..RATE }));
        let after = control(&store).ntp_limits.limits;
        assert_eq!(after.seeds, limited.ntp_limits.limits.seeds);
        assert_eq!(after.cost, 2 * limited.ntp_limits.limits.cost);
        set_ntp_rate(&store, None);
        set_ntp_denial(&store, false);
        assert_eq!(control(&store), before);
    }
}
