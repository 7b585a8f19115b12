//! What one look at the node finds: the findings that its checks are made of.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::Node;
use super::interfaces::Found;
use crate::node::checks::{Finding, Service, Weight};
use crate::node::status::Status;

impl Node {
    /// Looks at everything that [`crate::node::checks::Checks`] judges. Waits for nothing: what
    /// other threads found last is read.
    pub(super) fn findings(&self, now: Instant) -> Vec<Finding> {
        let status = self.status_without_counters(now);
        let found = self.interfaces.read();
        let mut findings = interfaces(&found);
        findings.extend(addresses(&self.config.dns.listen, self.config.ntp.served(), &found));
        findings.extend(served(&status));
        let busy = self.jobs.error(now);
        findings.push(finding("controller", "", Weight::Warning, &Service::DNS, busy));
        findings
    }
}

fn finding(
    check: &'static str,
    of: impl Into<String>,
    weight: Weight,
    services: &[Service],
    bad: Option<String>,
) -> Finding {
    Finding { check, of: of.into(), weight, services: services.to_vec(), bad }
}

/// The program is on each interface, and each is up.
fn interfaces(found: &Found) -> Vec<Finding> {
    let all = &Service::ALL;
    let mut findings = Vec::new();
    for at in &found.interfaces {
        let name = &at.interface;
        let detached = at.mode.is_none().then(|| format!("XDP isn't attached to {name}"));
        findings.push(finding("attached", name, Weight::Fatal, all, detached));
        // An interface that isn't there is reported once.
        let down = (at.index.is_some() && !at.is_up)
            .then(|| format!("interface {name} is down or has no carrier"));
        findings.push(finding("interface_up", name, Weight::Fatal, all, down));
    }
    findings
}

/// This host has the addresses that are served.
fn addresses(dns: &[SocketAddr], ntp: &[SocketAddr], found: &Found) -> Vec<Finding> {
    let one = |ip: IpAddr, service: Service| {
        let missing = found.addresses.as_ref().is_some_and(|all| !all.contains(&ip));
        let bad = missing.then(|| {
            format!("no interface of this host has the address {ip}; `ip address add` adds it")
        });
        finding("address", ip.to_string(), Weight::Fatal, &[service], bad)
    };
    let mut findings: Vec<Finding> = Vec::new();
    let served = dns.iter().map(|at| (at.ip(), Service::dns(at.ip())));
    for (ip, service) in served.chain(ntp.iter().map(|at| (at.ip(), Service::ntp(at.ip())))) {
        // Loopback addresses are all there (127.0.0.0/8 by one entry).
        if ip.is_loopback() {
            continue;
        }
        let of = ip.to_string();
        match findings.iter_mut().find(|finding| finding.of == of) {
            Some(finding) if finding.services.contains(&service) => {}
            Some(finding) => finding.services.push(service),
            None => findings.push(one(ip, service)),
        }
    }
    findings
}

/// Zones, the feed and the clock are as they should be.
fn served(status: &Status) -> Vec<Finding> {
    let missing: Vec<&str> = status
        .zones
        .iter()
        .filter(|zone| zone.xdp && !zone.in_xdp && !status.xdp.is_empty())
        .map(|zone| zone.name.as_str())
        .collect();
    let out = (!missing.is_empty()).then(|| {
        let some = missing.get(..3).unwrap_or(&missing).join(", ");
        let more = if missing.len() > 3 { ", …" } else { "" };
        format!("{} zones aren't in XDP, the authority answers: {some}{more}", missing.len())
    });
    let mut findings = vec![finding("zones_in_xdp", "", Weight::Warning, &Service::DNS, out)];
    if !status.feed.freshness.is_empty() {
        let age = status.feed.age_seconds;
        let old = (status.feed.freshness == "alarm").then(|| match age {
            Some(age) => format!("the feed is {age} s old; what came last is served"),
            None => "nothing has arrived from the feed yet".to_owned(),
        });
        findings.push(finding("feed", "", Weight::Warning, &Service::DNS, old));
    }
    if status.ntp.enabled {
        let bad =
            (!status.ntp.synchronised).then(|| format!("no time is served: {}", status.ntp.reason));
        findings.push(finding("clock", "", Weight::Fatal, &Service::NTP, bad));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Found, Service, Status, addresses, interfaces, served};
    use crate::node::status::{Feed, Interface, Zone};
    use crate::ntp::NtpStatus;
    use edge_kernel::{Attachment, Mode};

    #[test]
    fn an_interface_without_the_program_or_a_carrier_is_bad() {
        let of = |index, mode, is_up| {
            let interface = "srv".to_owned();
            let at = Attachment { interface, index, mode, is_up, ..Attachment::default() };
            let found = Found { interfaces: vec![at], ..Found::default() };
            interfaces(&found).into_iter().map(|finding| finding.bad).collect::<Vec<_>>()
        };
        assert_eq!(of(Some(2), Some(Mode::Native), true), [None, None]);
        let detached = Some("XDP isn't attached to srv".to_owned());
        assert_eq!(of(Some(2), None, true), [detached.clone(), None]);
        assert_eq!(of(None, None, false), [detached, None]);
        let down = of(Some(2), Some(Mode::Native), false);
        assert_eq!(down[1].as_deref(), Some("interface srv is down or has no carrier"));
    }

    #[test]
    fn an_address_that_is_missing_concerns_its_own_services() {
        let dns =
            ["192.0.2.1:53", "[2001:db8::1]:53", "127.0.0.1:53"].map(|at| at.parse().unwrap());
        let ntp = ["192.0.2.1:123"].map(|at| at.parse().unwrap());
        let found =
            Found { addresses: Some(vec!["192.0.2.1".parse().unwrap()]), ..Found::default() };
        let all = addresses(&dns, &ntp, &found);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].services, [Service::Dns4, Service::Ntp4]);
        assert!(all[0].bad.is_none());
        assert_eq!(all[1].services, [Service::Dns6]);
        assert!(all[1].bad.as_ref().unwrap().contains("2001:db8::1"));
        // If the kernel didn't list them, nothing is known.
        assert!(addresses(&dns, &ntp, &Found::default()).iter().all(|it| it.bad.is_none()));
    }

    #[test]
    fn zones_out_of_xdp_an_old_feed_and_no_time_are_bad() {
        let zone =
            |name: &str, in_xdp| Zone { name: name.into(), xdp: true, in_xdp, ..Zone::default() };
        let mut status = Status {
            zones: vec![zone("a", true), zone("b", false)],
            xdp: vec![Interface::default()],
            ..Status::default()
        };
        let bad = |status: &Status| -> Vec<_> {
            served(status).into_iter().filter_map(|it| Some((it.check, it.bad?))).collect()
        };
        assert_eq!(bad(&status)[0].0, "zones_in_xdp");
        assert!(bad(&status)[0].1.contains("1 zones aren't in XDP, the authority answers: b"));
        status.xdp.clear();
        assert_eq!(bad(&status), []);
        status.feed = Feed { freshness: "alarm".into(), ..Feed::default() };
        status.ntp = NtpStatus {
            enabled: true,
            reason: "the daemon is gone".into(),
            ..NtpStatus::default()
        };
        let checks: Vec<_> = bad(&status).into_iter().map(|(check, _)| check).collect();
        assert_eq!(checks, ["feed", "clock"]);
    }
}
