//! Metrics of the node itself: its identity, health, zones and tables.

use std::time::SystemTime;

use prometheus::proto::MetricFamily;

use super::Instance;
use super::family::{Family, float};
use crate::node::checks::Weight;
use crate::node::health_state::Liveness;
use crate::node::status::Interface;
use edge_kernel::LEASE;
use edge_tables::live::switches::{ReturnPath, Switches};

pub(super) fn add(families: &mut Vec<MetricFamily>, instance: &Instance, liveness: &Liveness) {
    let Instance { id, ip, group, started } = instance;
    families.push(
        Family::gauge("geodns_instance_info", "GeoDNS instance information")
            .sample(&[("ID", id), ("IP", ip), ("Group", group)], 1.0)
            .done(),
    );
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    families.push(
        Family::gauge("geodns_start_time_seconds", "Unix time of the process's start")
            .sample(&[], started.as_secs_f64())
            .done(),
    );
    families.push(
        Family::gauge("edge_build_info", "The program's version")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0)
            .done(),
    );
    let is_healthy = liveness.problems(None).is_empty();
    families.push(
        Family::gauge("edge_healthy", "Whether /health reports the node as healthy")
            .count(&[], is_healthy.into())
            .done(),
    );
    let help = "Whether a check of the node's health is well; /health fails with those of weight \
                fatal";
    let mut checks = Family::gauge("edge_check", help);
    for check in liveness.checks() {
        let weight = if check.weight == Weight::Fatal { "fatal" } else { "warning" };
        let labels = [("check", &*check.check), ("of", &*check.of), ("weight", weight)];
        checks.add(&labels, u8::from(check.ok).into());
    }
    families.push(checks.done());
    add_lease(families, liveness);
    families.push(switches(liveness.status.switches));
    add_served(families, liveness);
}

/// The lease lasts from its renewal on; without XDP there is none.
fn add_lease(families: &mut Vec<MetricFamily>, liveness: &Liveness) {
    let since = liveness.since_renewal.filter(|_| !liveness.status.xdp.is_empty());
    if let Some(since) = since {
        let left = LEASE.saturating_sub(since).as_secs_f64();
        families.push(
            Family::gauge(
                "edge_lease_seconds",
                "Seconds until XDP passes everything, unless the node renews the lease",
            )
            .sample(&[], left)
            .done(),
        );
    }
}

fn switches(now: Switches) -> MetricFamily {
    let mut family = Family::gauge("edge_switch", "Whether the switch is on");
    for (switch, on) in [
        ("bypass", now.bypass),
        ("dry_run", now.dry_run),
        ("refuse_unknown", now.refuse_unknown),
        ("return_path_fib", now.return_path == ReturnPath::Fib),
    ] {
        family.add(&[("switch", switch)], u8::from(on).into());
    }
    family.done()
}

fn add_interfaces(families: &mut Vec<MetricFamily>, interfaces: &[Interface]) {
    let [mut attached, mut up] = [
        ("edge_xdp_attached", "Whether XDP is attached to the interface, as the kernel says now"),
        ("edge_interface_up", "Whether the interface is up and has a carrier"),
    ]
    .map(|(name, help)| Family::gauge(name, help));
    let help = "How often XDP was attached to the interface since the start";
    let mut times = Family::counter("edge_xdp_attach_total", help);
    for at in interfaces {
        let interface = ("interface", at.interface.as_str());
        let is_attached = u8::from(at.mode != "none");
        attached.add(&[interface, ("mode", &at.mode)], is_attached.into());
        up.add(&[interface], u8::from(at.up).into());
        times.add(&[interface], float(at.attached));
    }
    families.extend([attached, up, times].map(Family::done));
}

fn add_served(families: &mut Vec<MetricFamily>, liveness: &Liveness) {
    let status = &liveness.status;
    let number = |n: usize| float(n as u64);
    let [mut serial, mut names, mut decks, mut in_xdp] = [
        ("edge_zone_serial", "The serial of the zone's SOA"),
        (
            "edge_zone_names",
            "Names of the zone: in XDP's tables (xdp), and all that could be (all)",
        ),
        ("edge_zone_decks", "Decks of the zone"),
        ("edge_zone_in_xdp", "Whether XDP answers for the zone"),
    ]
    .map(|(name, help)| Family::gauge(name, help));
    for zone in &status.zones {
        let labels = [("zone", zone.name.as_str())];
        serial.add(&labels, zone.serial.into());
        let [zone_label] = labels;
        names.add(&[zone_label, ("where", "xdp")], number(zone.names_in_xdp));
        names.add(&[zone_label, ("where", "all")], number(zone.names_total));
        decks.add(&labels, number(zone.decks));
        in_xdp.add(&labels, u8::from(zone.in_xdp).into());
    }
    let [mut used, mut entries] = [
        ("edge_table_used", "Entries of the table in use"),
        ("edge_table_entries", "Entries that the table can hold"),
    ]
    .map(|(name, help)| Family::gauge(name, help));
    for table in &status.tables {
        let labels = [("table", table.name.as_str())];
        used.add(&labels, table.used.into());
        entries.add(&labels, table.entries.into());
    }
    families.extend([serial, names, decks, in_xdp, used, entries].map(Family::done));
    add_interfaces(families, &status.xdp);
    let reload = &status.reload;
    for (name, help, value) in [
        (
            "edge_config_last_reload_successful",
            "Whether the configuration file was good when it was read last",
            f64::from(u8::from(reload.ok)),
        ),
        (
            "edge_config_last_reload_success_timestamp_seconds",
            "When the configuration file was good last, in Unix time",
            float(reload.unix_seconds),
        ),
        (
            "edge_config_needs_restart",
            "Keys of the configuration file that are taken over only by a restart",
            number(reload.needs_restart.len()),
        ),
        ("edge_zones", "Zones that are served", number(status.zones.len())),
        ("edge_generation", "The generation that is served", float(status.generation)),
        (
            "edge_errors",
            "Present errors of zone files, databases and tables; edge status lists them",
            number(status.errors.len()),
        ),
    ] {
        families.push(Family::gauge(name, help).sample(&[], value).done());
    }
    let help = "Publications without a new generation, because only decks had changed";
    families.push(Family::counter("edge_amended_total", help).count(&[], status.amended).done());
}
