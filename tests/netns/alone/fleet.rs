//! A fleet while its servers and nodes fail: right answers, no change lost.
//!
//! Three nodes follow a cluster of three NATS servers. Each is in namespaces of its own. Servers
//! are killed and cut off, nodes are killed and stopped for a while.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use edge_tests::fleet::{ALL, Edge, Fleet, Scorer, Story};

/// A pool of the NTP Pool's size, and its changes a second.
const SERVERS: u32 = 5_700;
const RATE: u32 = 1_000;
/// How long a node that was killed is away, and how long the other one sleeps. `cargo xtask bench
/// --only fleet` lets it sleep for a minute.
const AWAY: Duration = Duration::from_secs(2);
const ASLEEP: Duration = Duration::from_secs(8);
/// Marks that all nodes have to answer between two faults.
const MARKS: u32 = 8;

#[test]
fn no_answer_is_wrong_and_no_change_is_lost_whatever_befalls_a_fleet() {
    let (mut scorer, snapshot) = Scorer::new(SERVERS);
    let fleet = Fleet::start(Edge::default(), &snapshot);
    let outcome = Story::tell(&fleet, &mut scorer, RATE, |story| {
        story.run_for(MARKS);

        fleet.kill_leader(story);
        story.run_for(MARKS);
        fleet.cut_off_leader(story);
        story.run_for(MARKS);

        let _leader = fleet.wait_for_leader();
        fleet.nodes[0].kill();
        story.wait_for_answers(&[1, 2]);
        thread::sleep(AWAY);
        fleet.nodes[0].start();
        story.run_for(MARKS);

        fleet.nodes[1].sleep(true);
        thread::sleep(ASLEEP);
        story.wait_for_answers(&[0, 2]);
        fleet.nodes[1].sleep(false);
        story.run_for(MARKS);
    });
    let begun = outcome.marks.first().expect("marks").due;
    for node in ALL {
        let mut seconds = outcome.latencies(node, begun, begun + Duration::from_secs(3600));
        seconds.sort_by(f64::total_cmp);
        let (median, most) = (seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
        let line = format!("node {node}: {} changes, median {median:.3} s", seconds.len());
        writeln!(std::io::stdout(), "{line}, longest {most:.3} s").expect("print");
    }
    assert_eq!(outcome.wrong(&scorer, &[0, 1]), [""; 0]);
    assert_eq!(fleet.differences(&scorer, &outcome, &[0], &[1]), [""; 0]);
}
