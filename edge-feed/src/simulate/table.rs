//! Table of a simulation, for a terminal.

use std::fmt;

use super::{Simulation, ZoneHistory};
use edge_leaves::text_table::{Align, columns};

const HEADINGS: [&str; 10] = [
    "ZONE",
    "ENTRIES",
    "LEAVES",
    "MOVED",
    "LARGEST",
    "RENUMBERED",
    "EMPTY",
    "ALONE",
    "NAMES",
    "IP",
];

/// One line for each zone, those that moved most first.
impl fmt::Display for Simulation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut courses: Vec<&ZoneHistory> = self.zones.iter().collect();
        courses.sort_by(|one, other| other.moved.total_cmp(&one.moved));
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(courses.into_iter().map(|course| {
            [
                course.zone.clone(),
                course.entries.to_string(),
                course.leaves.to_string(),
                format!("{:.2}", course.moved),
                format!("{:.1} %", 100.0 * course.largest_move),
                course.renumbered.to_string(),
                hours(course.empty_seconds),
                hours(course.alone_seconds),
                course.n_names.to_string(),
                if course.six { "IPv6" } else { "IPv4" }.to_owned(),
            ]
        }));
        writeln!(
            out,
            "{} steps in {}, changes at {} of them, {} deltas refused",
            self.steps,
            hours(self.end - self.start),
            self.changes,
            self.refused
        )?;
        out.write_str(&columns(&rows, Align::Left))
    }
}

fn hours(seconds: i64) -> String {
    format!("{}:{:02} h", seconds / 3_600, seconds % 3_600 / 60)
}
