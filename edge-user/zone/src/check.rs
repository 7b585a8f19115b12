//! Checks of a zone after it is read: alias loops and oddities.
//!
//! An alias is searched with the client's targets. So it leads to the label that it names and to
//! each `label.<target>`, and a loop may pass through any of them. It isn't checked whether one
//! client could have all the targets of a loop: `a -> b.de -> a` is refused even if `a` is only
//! reached in France.

use std::collections::{HashMap, HashSet};

use super::model::{Label, Zone};
use super::resolve::MAX_ALIAS_DEPTH;
use super::targets::Targeting;

/// The most dangling aliases that are named one by one.
const MAX_NAMED: usize = 20;

/// What is wrong with an alias.
#[derive(Debug)]
pub(super) struct AliasFault {
    /// The label.
    pub(super) label: Box<str>,
    /// Key path, cause and way out.
    pub(super) message: String,
}

/// Checks all aliases; one that leads nowhere is a warning.
///
/// # Errors
/// The loop, or the chain that is too long.
pub(super) fn aliases(zone: &mut Zone) -> Result<(), AliasFault> {
    let links = Links::of(zone);
    links.walk()?;
    let dangling = links.dangling(zone);
    zone.warnings.extend(dangling);
    Ok(())
}

/// Warns of what geodns accepts too, but hardly anyone means.
pub(super) fn oddities(zone: &mut Zone, has_data: bool, has_apex: bool) {
    let mut warnings = Vec::new();
    if !has_data {
        warnings.push("no data: the zone has nothing but a SOA".to_owned());
    } else if !has_apex {
        warnings.push(
            r#"data: no apex label "": the zone has no NS records there; add "": {"ns": [...]}"#
                .to_owned(),
        );
    }
    for label in zone.labels.iter_mut().filter(|label| label.name.is_empty()) {
        let n_sets = label.wire.len();
        label.wire.retain(|(kind, _)| *kind != super::RecordKind::Ds);
        if label.wire.len() < n_sets {
            warnings.push(
                r#"data."".ds: DS records of a zone belong into the zone above; they are ignored"#
                    .to_owned(),
            );
        }
    }
    if zone.labels.position("@").is_some() {
        warnings.push(r#"data."@": this is a label like any other; the apex is """#.to_owned());
    }
    if zone.labels.get("").is_some_and(|apex| apex.has_kind(super::RecordKind::Cname)) {
        warnings.push(
            r#"data."".cname: a CNAME at the apex hides all of its records but SOA and NS; use an alias"#
                .to_owned(),
        );
    }
    zone.warnings.extend(warnings);
}

/// The labels that are aliases, and those that the search of a name may meet.
struct Links<'z> {
    /// Alias labels in the order of their names: the label and what it names.
    aliases: Vec<(&'z str, &'z str)>,
    /// For each name searched: places in `aliases` that the search may meet.
    met: HashMap<&'z str, Vec<usize>>,
}

impl<'z> Links<'z> {
    fn of(zone: &'z Zone) -> Self {
        let mut aliases = Vec::new();
        let mut met: HashMap<&str, Vec<usize>> = HashMap::new();
        for label in &zone.labels {
            let Some(named) = label.alias.as_deref() else { continue };
            for base in bases(label, zone.targeting) {
                met.entry(base).or_default().push(aliases.len());
            }
            aliases.push((&*label.name, named));
        }
        Self { aliases, met }
    }

    /// Walks every chain of aliases, depth first and without recursion: the data decides how deep
    /// it goes.
    fn walk(&self) -> Result<(), AliasFault> {
        // How many aliases follow each one, itself included; 0 until it is known.
        let mut depths = vec![0_usize; self.aliases.len()];
        let mut on_path = vec![false; self.aliases.len()];
        for start in 0..self.aliases.len() {
            if depth_of(&depths, start) > 0 {
                continue;
            }
            // The path: an alias, and how many of those it leads to have been walked.
            let mut path = vec![(start, 0_usize)];
            while let Some((at, n_walked)) = path.last_mut() {
                let at = *at;
                set(&mut on_path, at, true);
                let next = self.next(at).get(*n_walked).copied();
                *n_walked += 1;
                match next {
                    Some(next) if on_path.get(next) == Some(&true) => {
                        return Err(self.loop_fault(&path, next));
                    }
                    Some(next) if depth_of(&depths, next) == 0 => path.push((next, 0)),
                    Some(_) => {}
                    None => {
                        let below = self.next(at).iter().map(|&next| depth_of(&depths, next)).max();
                        let depth = below.unwrap_or(0) + 1;
                        if depth > MAX_ALIAS_DEPTH {
                            return Err(self.depth_fault(at));
                        }
                        set(&mut depths, at, depth);
                        set(&mut on_path, at, false);
                        path.pop();
                    }
                }
            }
        }
        Ok(())
    }

    /// The aliases that are met when what alias `at` names is searched.
    fn next(&self, at: usize) -> &[usize] {
        let named = self.aliases.get(at).map_or("", |(_, named)| named);
        self.met.get(named).map_or(&[], Vec::as_slice)
    }

    fn loop_fault(&self, path: &[(usize, usize)], back_to: usize) -> AliasFault {
        let names = path.iter().map(|&(at, _)| at).skip_while(|&at| at != back_to);
        let names: Vec<&str> =
            names.chain([back_to]).filter_map(|at| Some(shown(self.aliases.get(at)?.0))).collect();
        let first = self.aliases.get(back_to).map_or("", |(name, _)| name);
        let message = format!(
            "data.{first:?}.alias: alias loop {}; let one of them have records of its own",
            names.join(" -> ")
        );
        AliasFault { label: first.into(), message }
    }

    fn depth_fault(&self, at: usize) -> AliasFault {
        let name = self.aliases.get(at).map_or("", |(name, _)| name);
        let message = format!(
            "data.{name:?}.alias: more than {MAX_ALIAS_DEPTH} aliases in a row; let it name the last one's label"
        );
        AliasFault { label: name.into(), message }
    }

    /// Aliases for which no client finds a label.
    fn dangling(&self, zone: &Zone) -> Vec<String> {
        // Every base of every label: what is searched and not here is nowhere.
        let found: HashSet<&str> =
            zone.labels.iter().flat_map(|label| bases(label, zone.targeting)).collect();
        let lost = |named: &str| !found.contains(named) && zone.labels.get(named).is_none();
        let mut lost = self.aliases.iter().filter(|(_, named)| lost(named));
        let mut warnings: Vec<String> = lost
            .by_ref()
            .take(MAX_NAMED)
            .map(|(name, named)| {
                format!("data.{name:?}.alias: there is no label {named:?}; it answers without data")
            })
            .collect();
        let n_more = lost.count();
        if n_more > 0 {
            warnings.push(format!("and {n_more} more aliases of labels that don't exist"));
        }
        warnings
    }
}

/// What may be searched so that `label` is met: its own name, and its name without a target behind
/// it.
fn bases(label: &Label, targeting: Targeting) -> impl Iterator<Item = &str> {
    let name = &*label.name;
    // An IPv4 target has dots in it; any other is the last part.
    let split = match name.strip_suffix(']').and_then(|rest| rest.rfind('[')) {
        Some(at) => at,
        None => name.rfind('.').map_or(0, |at| at + 1),
    };
    let (base, target) = name.split_at_checked(split).unwrap_or((name, ""));
    let base = match base {
        "" => Some(""),
        base => base.strip_suffix('.'),
    };
    let plain = Some(name).filter(|_| targeting.contains(Targeting::GLOBAL));
    plain.into_iter().chain(base.filter(|_| targeting.could_give(target)))
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "\"\"" } else { name }
}

fn depth_of(depths: &[usize], at: usize) -> usize {
    depths.get(at).copied().unwrap_or(0)
}

fn set<T>(slots: &mut [T], at: usize, value: T) {
    if let Some(slot) = slots.get_mut(at) {
        *slot = value;
    }
}
