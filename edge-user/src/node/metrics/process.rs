//! Metrics of the process, from `/proc/self` (proc(5)), by Prometheus's names.

use prometheus::proto::MetricFamily;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::family::{Family, float};

pub(super) fn add(families: &mut Vec<MetricFamily>) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    if let Some(stat) = Stat::parse(&read("/proc/self/stat")) {
        let ticks = float(clock_ticks_per_second().max(1));
        families.push(
            Family::counter("process_cpu_seconds_total", "CPU time of user and system in seconds")
                .sample(&[], float(stat.cpu_ticks) / ticks)
                .done(),
        );
        let resident = stat.resident_pages.saturating_mul(page_size() as u64);
        push(
            families,
            "process_virtual_memory_bytes",
            "Virtual memory in bytes",
            stat.virtual_octets,
        );
        push(families, "process_resident_memory_bytes", "Resident memory in bytes", resident);
        push(families, "process_threads", "Threads", stat.threads);
        if let Some(boot) = boot_time(&read("/proc/stat")) {
            families.push(
                Family::gauge("process_start_time_seconds", "Unix time of the process's start")
                    .sample(&[], float(boot) + float(stat.start_ticks) / ticks)
                    .done(),
            );
        }
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        push(families, "process_open_fds", "Open file descriptors", files.count() as u64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        push(families, "process_max_fds", "File descriptors that may be open", most);
    }
}

fn push(families: &mut Vec<MetricFamily>, name: &str, help: &str, value: u64) {
    families.push(Family::gauge(name, help).count(&[], value).done());
}

/// What is used of `/proc/self/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// User and system, in clock ticks.
    cpu_ticks: u64,
    threads: u64,
    /// After boot, in clock ticks.
    start_ticks: u64,
    virtual_octets: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field, the name in brackets, may have spaces and brackets of its own.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Numbered from 1 there, and from the third here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)?.saturating_add(field(15)?),
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_octets: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// Unix time of the system's start, of `/proc/stat`.
fn boot_time(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Stat, boot_time};

    #[test]
    fn a_process_may_have_any_name() {
        let text = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 1 0 30 12 0 0 20 0 5 0 900 1000000 250 \
                    18446744073709551615 1 1 0";
        let expect = Stat {
            cpu_ticks: 42,
            threads: 5,
            start_ticks: 900,
            virtual_octets: 1_000_000,
            resident_pages: 250,
        };
        assert_eq!(Stat::parse(text), Some(expect));
        assert_eq!(Stat::parse("7 (a) S 1 7"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn the_boot_time_has_a_line_of_its_own() {
        assert_eq!(boot_time("cpu 1 2 3\nbtime 1700000000\nprocesses 9\n"), Some(1_700_000_000));
        assert_eq!(boot_time("cpu 1 2 3\n"), None);
    }
}
