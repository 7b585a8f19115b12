//! Tests with files that grow, end, are cut short and are replaced.

use super::Tail;
use crate::Cursor;
use crate::cursor::Discarded;
use crate::source::{Event, Source as _, SourceError, SourceLimits};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

fn line(id: u64) -> String {
    format!("{{\"id\":{id},\"ts\":1,\"server_id\":7,\"score\":19.5}}\n")
}

fn append(path: &Path, text: &str) {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn all(first: u64, last: u64) -> Vec<u64> {
    (first..=last).collect()
}

/// Identifiers up to and including that one.
async fn ids_up_to(tail: &mut Tail, last: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.last() != Some(&last) {
        match tail.next().await.unwrap() {
            Event::Deltas(deltas) => ids.extend(deltas.iter().map(|delta| delta.id)),
            event => panic!("{event:?}"),
        }
    }
    ids
}

#[tokio::test]
async fn a_file_is_followed_from_the_cursor_and_half_a_line_waits_for_its_other_half() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    append(&path, &(1..=9).map(line).collect::<String>());
    let mut tail = Tail::new(&path, 7, SourceLimits::default());
    assert_eq!(ids_up_to(&mut tail, 9).await, [8, 9]);
    let ten = line(10);
    let (a, b) = ten.split_at(12);
    append(&path, &(line(9) + a));
    tail.quiet = Duration::ZERO;
    assert_eq!(tail.next().await.unwrap(), Event::Unchanged);
    append(&path, b);
    tail.quiet = super::QUIET;
    assert_eq!(ids_up_to(&mut tail, 10).await, [10]);
    assert_eq!(tail.status().read().deltas, 3);
}

#[tokio::test]
async fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    append(&path, &line(1));
    let mut tail = Tail::new(&path, 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut tail, 1).await, [1]);
    append(&path, &line(2));
    let old = folder.path().join("scores.1");
    fs::rename(&path, &old).unwrap();
    append(&old, line(3).trim_end());
    append(&path, &line(4));
    assert_eq!(ids_up_to(&mut tail, 4).await, [2, 3, 4]);
    // Gone for a while, and written to meanwhile by whoever has it open.
    let mut open = File::options().append(true).open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    open.write_all(line(5).as_bytes()).unwrap();
    assert_eq!(ids_up_to(&mut tail, 5).await, [5]);
    tail.quiet = Duration::ZERO;
    let error = tail.next().await.unwrap_err();
    assert!(error.to_string().contains("scores: No such file"), "{error}");
    append(&path, &line(6));
    tail.quiet = super::QUIET;
    assert_eq!(ids_up_to(&mut tail, 6).await, [6]);
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_read_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    append(&path, &(line(1) + &line(2) + "{\"id\":"));
    let mut tail = Tail::new(&path, 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut tail, 2).await, [1, 2]);
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    append(&path, &(line(2)));
    append(&path, &(line(3)));
    assert_eq!(ids_up_to(&mut tail, 3).await, [3]);
    assert_eq!(tail.status().read().broken_lines, 0);
}

#[tokio::test]
async fn broken_and_endless_lines_are_said_once_counted_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    append(&path, &(line(1) + "nonsense\n" + &"x".repeat(1_000_000) + "\n" + &line(2)));
    let mut tail = Tail::new(&path, 0, SourceLimits { line: 1000, ..SourceLimits::default() });
    let (mut ids, mut said) = (Vec::new(), Vec::new());
    while ids.last() != Some(&2) || tail.status().read().broken_lines < 2 {
        match tail.next().await {
            Ok(Event::Deltas(deltas)) => ids.extend(deltas.iter().map(|delta| delta.id)),
            Ok(event) => panic!("{event:?}"),
            Err(error) => said.push(error),
        }
    }
    assert_eq!(ids, [1, 2]);
    let first = said.first().unwrap().to_string();
    assert!(first.contains("scores: 2 broken line(s) skipped, the first at octet 43: "), "{first}");
    assert_eq!(said.len(), 1);
    assert!(tail.status().read().connected);
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_named_and_then_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    let mut tail = Tail::new(&path, 0, SourceLimits::default());
    let error = tail.next().await.unwrap_err();
    assert!(matches!(error, SourceError::File { .. }), "{error}");
    assert_eq!(tail.status().read().retries, 1);
    append(&path, &line(1));
    assert_eq!(ids_up_to(&mut tail, 1).await, [1]);
    assert_eq!(tail.status().read().retries, 0);
}

#[tokio::test]
async fn a_file_is_read_again_when_the_pool_goes_back_and_discarded_lines_do_not_count() {
    let at =
        |id: u64, ts: i64| format!("{{\"id\":{id},\"ts\":{ts},\"server_id\":7,\"score\":19.5}}\n");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    // 901 came before an operator gave up 1001 and 1010, 902 afterwards.
    append(&path, &(at(1001, 100) + &at(1010, 110) + &at(901, 120)));
    let mut tail = Tail::new(&path, 1000, SourceLimits::default());
    assert_eq!(ids_up_to(&mut tail, 1010).await, [1001, 1010]);
    tail.quiet = Duration::ZERO;
    assert_eq!(tail.next().await.unwrap(), Event::Unchanged, "901 is below the cursor");
    let discarded = Discarded { until: 110, from: 1010, through: 1010 };
    tail.rewind(Cursor { id: 900, time: 50, discarded: Some(discarded) });
    tail.quiet = super::QUIET;
    assert_eq!(ids_up_to(&mut tail, 901).await, [901]);
    // What comes behind is new, whatever its time.
    append(&path, &at(902, 90));
    assert_eq!(ids_up_to(&mut tail, 902).await, [902]);
    // The same after a restart, where times decide.
    append(&path, &at(903, 121));
    let mut tail = Tail::new(
        &path,
        Cursor { id: 900, time: 50, discarded: Some(discarded) },
        SourceLimits::default(),
    );
    assert_eq!(ids_up_to(&mut tail, 903).await, [901, 903]);
}

#[tokio::test]
async fn a_file_that_is_cut_short_and_at_once_longer_than_before_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores");
    append(&path, &(1..=9).map(line).collect::<String>());
    let mut tail = Tail::new(&path, 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut tail, 9).await, all(1, 9));
    let mut last = 9;
    // Shorter than before, as long, and longer, each time before anybody has looked.
    for lines in [5, 5, 40, 4000] {
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        let (first, end) = (last + 1, last + lines);
        append(&path, &(first..=end).map(line).collect::<String>());
        assert_eq!(ids_up_to(&mut tail, end).await, all(first, end));
        last = end;
    }
    // A writer that doesn't append leaves a hole.
    let mut writer = File::options().write(true).open(&path).unwrap();
    writer.set_len(0).unwrap();
    writer.seek(SeekFrom::Start(500_000)).unwrap();
    let (first, end) = (last + 1, last + 3);
    writer.write_all((first..=end).map(line).collect::<String>().as_bytes()).unwrap();
    assert_eq!(ids_up_to(&mut tail, end).await, all(first, end));
    assert_eq!(tail.status().read().broken_lines, 0);
}
