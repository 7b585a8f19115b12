//! Tests with zones too large for their share, or for the tables.

use std::collections::{HashMap, HashSet};

use edge_common::abi::maps;

use super::{Choice, Chooser, Former, Kept, Shares, choose, wishes};
use crate::publish::Popularity;
use crate::publish::Publishable;
use crate::publish::fixture::{publishable, wire};

const SHORT: usize = maps::NAME_SLOTS as usize / 2;
const LONG: usize = maps::LONG_SLOTS as usize / 2;

fn numbered(apex: &str, n: usize) -> Publishable {
    publishable(apex, (1..n).map(|n| format!("n{n}")))
}

fn popularity(names: &[(&str, u64)], clear: u64) -> Popularity {
    Popularity::new(names.iter().map(|(name, queries)| (wire(name), *queries)), clear)
}

/// A share for `a.example`.
fn share(share: usize) -> Shares {
    Shares { usual: None, zones: HashMap::from([(wire("a.example").into(), share)]) }
}

fn by<'z>(
    zones: &'z [Publishable],
    shares: &Shares,
    popularity: &Popularity,
    former: &Former,
) -> Choice<'z> {
    let apexes: Vec<_> = zones.iter().map(|zone| zone.compiled.apex.folded()).collect();
    let wishes = wishes(zones, &apexes, shares);
    choose(&wishes, &apexes, &Chooser { popularity, former }, |_| true)
}

/// A copy of a choice, as the next one finds it.
fn to_former(choice: &Choice<'_>) -> Former {
    let owned = |kept: &Kept<'_>| kept.iter().map(|name| Box::from(*name)).collect();
    choice.kept.iter().map(|(apex, kept)| (Box::from(*apex), owned(kept))).collect()
}

/// The number of names of an incomplete zone that are kept; `None` if it isn't incomplete.
fn kept(choice: &Choice<'_>, apex: &str) -> Option<usize> {
    choice.kept.get(&*wire(apex)).map(HashSet::len)
}

fn has(choice: &Choice<'_>, name: &str) -> bool {
    choice.kept.get(&*wire("a.example")).is_some_and(|kept| kept.contains(&*wire(name)))
}

#[test]
fn the_apex_comes_first_then_the_most_popular_then_the_first() {
    let zones = [numbered("a.example", 100)];
    let popularity =
        popularity(&[("n90.a.example", 9), ("n91.a.example", 7), ("n92.a.example", 8)], 4);
    let choice = by(&zones, &share(3), &popularity, &Former::new());
    assert_eq!(kept(&choice, "a.example"), Some(3));
    for name in ["a.example", "n90.a.example", "n92.a.example"] {
        assert!(has(&choice, name), "{name}");
    }
    let choice = by(&zones, &share(6), &popularity, &Former::new());
    let first = zones[0].compiled.owners.iter().map(|owner| &*owner.name);
    let first: Vec<_> = first.filter(|name| **name != *wire("a.example")).take(2).collect();
    assert!(first.iter().all(|name| choice.kept[&*wire("a.example")].contains(name)));
    assert!(choice.unfit.is_empty());
    assert_eq!(choice.totals[&*wire("a.example")], 100);
}

#[test]
fn a_zone_within_its_share_is_whole_and_one_above_is_not() {
    let zones = [numbered("a.example", 100), numbered("b.example", 50)];
    let none = (Popularity::default(), Former::new());
    let choice = by(&zones, &share(100), &none.0, &none.1);
    assert!(choice.kept.is_empty());
    let choice = by(&zones, &share(99), &none.0, &none.1);
    assert_eq!((kept(&choice, "a.example"), kept(&choice, "b.example")), (Some(99), None));
    let usual = Shares { usual: Some(10), zones: share(99).zones };
    let choice = by(&zones, &usual, &none.0, &none.1);
    assert_eq!((kept(&choice, "a.example"), kept(&choice, "b.example")), (Some(99), Some(10)));
}

#[test]
fn a_name_stays_until_another_is_clearly_hotter() {
    let zones = [numbered("a.example", 10)];
    let shares = share(2);
    let first = by(&zones, &shares, &popularity(&[("n5.a.example", 100)], 8), &Former::new());
    assert!(has(&first, "n5.a.example"));
    let former = to_former(&first);
    for (challenger, wins) in [(100, false), (150, false), (208, false), (209, true)] {
        let now = popularity(&[("n5.a.example", 100), ("n7.a.example", challenger)], 8);
        let choice = by(&zones, &shares, &now, &former);
        assert_eq!(has(&choice, "n7.a.example"), wins, "{challenger}");
        assert_eq!(has(&choice, "n5.a.example"), !wins, "{challenger}");
        assert_eq!(choice.differs(&former), wins, "{challenger}");
    }
    // Nor does chance displace what is cold.
    let chance = popularity(&[("n7.a.example", 8)], 8);
    assert!(!by(&zones, &shares, &chance, &former).differs(&former));
    let clear = popularity(&[("n7.a.example", 9)], 8);
    assert!(by(&zones, &shares, &clear, &former).differs(&former));
}

#[test]
fn what_is_chosen_stays_when_the_zone_is_read_anew_and_when_its_share_grows() {
    let shares = share(3);
    let hot = popularity(&[("n8.a.example", 50), ("n9.a.example", 50)], 4);
    let zones = [numbered("a.example", 10)];
    let former = to_former(&by(&zones, &shares, &hot, &Former::new()));
    let anew = [numbered("a.example", 20)];
    let choice = by(&anew, &shares, &Popularity::default(), &former);
    assert!(!choice.differs(&former));
    let choice = by(&anew, &share(5), &Popularity::default(), &former);
    assert!(has(&choice, "n8.a.example") && has(&choice, "n9.a.example"));
    assert_eq!(kept(&choice, "a.example"), Some(5));
}

#[test]
fn smaller_zones_are_whole_and_the_large_divide_the_rest() {
    let zones = [
        numbered("large.example", SHORT),
        numbered("larger.example", SHORT + 1),
        numbered("small.example", 1000),
    ];
    let choice = by(&zones, &Shares::default(), &Popularity::default(), &Former::new());
    assert!(choice.unfit.is_empty());
    assert_eq!(kept(&choice, "small.example"), None);
    let (large, larger) = (kept(&choice, "large.example"), kept(&choice, "larger.example"));
    assert_eq!(large, Some((SHORT - 1000) / 2));
    assert_eq!(larger, Some((SHORT - 1000) / 2));
}

#[test]
fn long_names_have_room_of_their_own() {
    let long = |n: usize| format!("{}{n}", "l".repeat(40));
    let zones = [publishable(
        "a.example",
        (0..LONG + 500).map(long).chain((0..600).map(|n| format!("s{n}"))),
    )];
    let choice = by(&zones, &Shares::default(), &Popularity::default(), &Former::new());
    // All the short ones, the apex among them.
    assert_eq!(kept(&choice, "a.example"), Some(LONG + 601));
    let hot = long(LONG + 499) + ".a.example";
    let choice = by(&zones, &share(1), &popularity(&[(&hot, 9)], 4), &Former::new());
    assert!(has(&choice, "a.example") && !has(&choice, &hot));
    let choice = by(&zones, &share(2), &popularity(&[(&hot, 9)], 4), &Former::new());
    assert!(has(&choice, "a.example") && has(&choice, &hot));
}

#[test]
fn names_that_a_nested_zone_hides_are_no_part_of_it() {
    let parent = publishable("a.example", ["x.b", "y.b", "c"].map(str::to_owned));
    let zones = [parent, numbered("b.a.example", 1)];
    let hot = popularity(&[("x.b.a.example", 90)], 4);
    let choice = by(&zones, &share(2), &hot, &Former::new());
    assert_eq!(choice.totals[&*wire("a.example")], 2);
    assert_eq!(kept(&choice, "a.example"), None);
}
