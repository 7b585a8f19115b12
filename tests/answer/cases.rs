//! The cases, each against what its author expects.

use std::collections::BTreeSet;

use edge_common::verdict::{Action, Verdict};
use edge_tables::publish::NoKernel;
use edge_tables::store::{HostTables, Store};
use edge_tests::cases::{self, Case, Expect};
use edge_tests::engine::{self, grant_lease};
use edge_tests::fixture;
use edge_tests::node;
use edge_tests::reader::Reply;

fn tables() -> HostTables {
    let store = Store::in_memory();
    drop(fixture::publisher(&store, Box::new(NoKernel)));
    grant_lease(&store);
    node::host(&store, 0x5eed)
}

fn check(cases: &[Case]) {
    let tables = tables();
    assert!(!cases.is_empty());
    for case in cases {
        let outcome = case.state.during(tables.store(), || engine::run(&tables, &case.frame));
        case.check(&outcome);
    }
}

#[test]
fn one_change_of_a_good_query_has_its_own_verdict_and_leaves_the_frame_alone() {
    check(&cases::packets());
}

#[test]
fn every_count_of_records_that_fits_is_answered() {
    check(&cases::answers());
}

#[test]
fn a_name_of_every_length_is_answered() {
    check(&cases::lengths());
}

#[test]
fn a_name_differs_by_any_octet_but_not_by_case() {
    check(&cases::strangers());
}

#[test]
fn clients_are_answered_by_country_up_to_the_prefixes_ends() {
    check(&cases::by_country());
}

#[test]
fn a_nested_zone_hides_its_parents_names() {
    check(&cases::nested());
}

#[test]
fn what_only_the_authority_can_tell_passes() {
    check(&cases::odd());
}

#[test]
fn the_cases_expect_every_verdict_of_a_sound_program() {
    let all = cases::all();
    let expected: BTreeSet<u32> = all
        .iter()
        .filter_map(|case| match &case.expect {
            Expect::Pass(verdict) | Expect::Says(verdict, _) => Some(verdict.index()),
            Expect::Reply(_, Reply::Nodata { .. }) => Some(Verdict::Nodata.index()),
            Expect::Reply(..) => Some(Verdict::Answer.index()),
            Expect::Passes(verdicts) => match verdicts[..] {
                [verdict] => Some(verdict.index()),
                _ => None,
            },
            Expect::Either => None,
        })
        .collect();
    // NTP's, and what depends on room, on what came before, on other maps and on the kernel's
    // routes has its own tests.
    let others = [
        Verdict::Room,
        Verdict::Slip,
        Verdict::Limited,
        Verdict::Denied,
        Verdict::Route,
        Verdict::General,
    ];
    let of_ntp = |verdict: &Verdict| verdict.name().starts_with("ntp");
    let missing: Vec<_> = Verdict::ALL
        .iter()
        .filter(|verdict| verdict.action() != Action::Aborted && !others.contains(verdict))
        .filter(|verdict| !of_ntp(verdict))
        .filter(|verdict| !expected.contains(&verdict.index()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn without_room_for_the_records_the_frame_passes_untouched() {
    let tables = tables();
    for case in cases::answers().iter().chain(&cases::lengths()) {
        let Expect::Reply(query, _) = &case.expect else { continue };
        let grown = engine::run(&tables, &case.frame).frame.len();
        let needed = grown + query.padding - case.frame.len();
        for room in [0, needed - 1] {
            let outcome = engine::run_in(&tables, &case.frame, room);
            // The second program may use the octets of what is behind the datagram.
            if query.padding > 0 && outcome.verdict != Verdict::Room {
                assert_eq!(outcome.frame.len(), grown, "{} in {room}", case.what);
                continue;
            }
            assert_eq!(outcome.verdict, Verdict::Room, "{} in {room}", case.what);
            assert_eq!(outcome.frame, case.frame, "{}", case.what);
        }
        assert_eq!(engine::run_in(&tables, &case.frame, needed).frame.len(), grown);
    }
}
