//! Split of a zone's servers over the numbered names 0 to 3.

use super::state::Groups;
use crate::member::{GROUPS, MIN_TO_SPLIT};

/// Indices of a zone's servers under each number.
type Split = [Vec<usize>; GROUPS];

/// The pool's own split, random each time: a quarter, rounded down, at each number; the rest is at
/// none.
pub(crate) fn deal(n: usize, rng: &mut fastrand::Rng) -> Split {
    let mut places: Vec<usize> = (0..n).collect();
    rng.shuffle(&mut places);
    if n < MIN_TO_SPLIT {
        return std::array::from_fn(|_| places.clone());
    }
    let per = n / GROUPS;
    let mut quarters = places.chunks_exact(per);
    std::array::from_fn(|_| quarters.next().unwrap_or_default().to_vec())
}

/// The stable split: servers keep their numbers as far as possible. All servers are at a number,
/// and the sizes of the numbers differ by one at most. Only as many servers move as that takes,
/// from the fullest number to the emptiest.
pub(crate) fn keep(ids: &[u64], groups: &mut Groups) -> Split {
    let mut next = Groups::new();
    let mut sizes = [0_usize; GROUPS];
    let mut newcomers = Vec::new();
    for &id in ids {
        match groups.get(&id).copied().filter(|&group| usize::from(group) < GROUPS) {
            Some(group) => {
                grow(&mut sizes, group);
                next.insert(id, group);
            }
            None => newcomers.push(id),
        }
    }
    for id in newcomers {
        let group = emptiest(&sizes);
        grow(&mut sizes, group);
        next.insert(id, group);
    }
    loop {
        let (from, to) = (fullest(&sizes), emptiest(&sizes));
        let size = |group: u8| sizes.get(usize::from(group)).copied().unwrap_or(0);
        if size(from) <= size(to) + 1 {
            break;
        }
        // The server that joined the pool last; it usually has the fewest users.
        let Some(group) = next.values_mut().rev().find(|group| **group == from) else { break };
        *group = to;
        if let Some(size) = sizes.get_mut(usize::from(from)) {
            *size -= 1;
        }
        grow(&mut sizes, to);
    }
    *groups = next;
    let all = || (0..ids.len()).collect::<Vec<_>>();
    if ids.len() < MIN_TO_SPLIT {
        return std::array::from_fn(|_| all());
    }
    let mut split = Split::default();
    for (place, id) in ids.iter().enumerate() {
        let group = groups.get(id).copied().unwrap_or(0);
        if let Some(places) = split.get_mut(usize::from(group)) {
            places.push(place);
        }
    }
    split
}

fn grow(sizes: &mut [usize; GROUPS], group: u8) {
    if let Some(size) = sizes.get_mut(usize::from(group)) {
        *size += 1;
    }
}

/// The lowest of the emptiest numbers.
fn emptiest(sizes: &[usize; GROUPS]) -> u8 {
    (0..).zip(sizes).min_by_key(|(_, size)| **size).map_or(0, |(group, _)| group)
}

/// The highest of the fullest numbers.
fn fullest(sizes: &[usize; GROUPS]) -> u8 {
    (0..).zip(sizes).max_by_key(|(_, size)| **size).map_or(0, |(group, _)| group)
}
