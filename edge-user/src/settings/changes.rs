//! The keys in which two versions of the configuration file differ.
//!
//! A running node takes some keys over in place; for others it has to be started again. The texts
//! are compared, not what became of them, so that a key is named as the operator wrote it.

use toml::{Table, Value};

/// Keys, or all keys below them, that a running node takes over.
const IN_PLACE: [&str; 11] = [
    "cookies",
    "limits",
    "ntp.deny",
    "xdp.bypass",
    "xdp.dry_run",
    "xdp.interfaces",
    "xdp.mode",
    "xdp.refuse_unknown",
    "xdp.return_path",
    "zone",
    "zones.share",
];

/// What differs between two versions of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that a running node takes over.
    pub in_place: Vec<String>,
    /// Keys for which it has to be started again.
    pub restart: Vec<String>,
}

/// Compares the text that a node runs by with a new one. Both must be TOML; what isn't is empty.
#[must_use]
pub fn changes(running: &str, new: &str) -> Changes {
    let [running, new] = [running, new].map(|text| text.parse::<Table>().unwrap_or_default());
    let mut keys = Vec::new();
    differences("", &running, &new, &mut keys);
    let (in_place, restart) = keys.into_iter().partition(|key| is_in_place(key, &running, &new));
    Changes { in_place, restart }
}

/// The text of a node that runs by `running` and took over from `new` what it can: what a later
/// version of the file is compared with.
#[must_use]
pub fn taken_over(running: &str, new: &str) -> String {
    let Changes { restart, .. } = changes(running, new);
    let [mut table, running] = [new, running].map(|text| text.parse::<Table>().unwrap_or_default());
    for key in restart {
        set(&mut table, &key, get(&running, &key).cloned());
    }
    table.to_string()
}

fn is_in_place(key: &str, running: &Table, new: &Table) -> bool {
    // XDP is loaded at the start or not at all.
    let is_off = |table: &Table| get(table, "xdp.mode").and_then(Value::as_str) == Some("off");
    if key == "xdp.mode" && (is_off(running) || is_off(new)) {
        return false;
    }
    IN_PLACE.iter().any(|known| {
        key.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The keys in which two tables differ, below `prefix`, in order of the alphabet.
fn differences(prefix: &str, one: &Table, other: &Table, keys: &mut Vec<String>) {
    let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        // A zone's name has dots of its own: what it says is one key.
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let is_leaf = prefix == "zone";
        match (one.get(name), other.get(name)) {
            (Some(Value::Table(one)), Some(Value::Table(other))) if !is_leaf => {
                differences(&key, one, other, keys);
            }
            (Some(Value::Table(one)), None) if !is_leaf => {
                differences(&key, one, &Table::new(), keys);
            }
            (None, Some(Value::Table(other))) if !is_leaf => {
                differences(&key, &Table::new(), other, keys);
            }
            (one, other) if one != other => keys.push(key),
            _ => {}
        }
    }
}

/// The value of a dotted key.
fn get<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((first, rest)) => get(table.get(first)?.as_table()?, rest),
    }
}

/// Sets or removes the value of a dotted key.
fn set(table: &mut Table, key: &str, value: Option<Value>) {
    match (key.split_once('.'), value) {
        (None, Some(value)) => drop(table.insert(key.to_owned(), value)),
        (None, None) => drop(table.remove(key)),
        (Some((first, rest)), value) => {
            let below = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                set(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, changes, taken_over};

    const RUNNING: &str = "[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\ninterfaces = [\"eth0\"]\n\
                           [limits]\nper_second = 20\n";

    fn keys(new: &str) -> (Vec<String>, Vec<String>) {
        let Changes { in_place, restart } = changes(RUNNING, new);
        (in_place, restart)
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn nothing_differs_by_order_and_comments() {
        let same = "# as before\n[limits]\nper_second = 20\n[xdp]\ninterfaces = [\"eth0\"] # one\n\
                    [dns]\nlisten = [\"192.0.2.1\"]\n";
        assert_eq!(keys(same), (vec![], vec![]));
    }

    #[test]
    fn each_key_that_differs_is_named_with_its_table() {
        let new = "[dns]\nlisten = [\"192.0.2.2\"]\n[xdp]\ninterfaces = [\"eth0\", \"eth1\"]\n\
                   [limits]\nper_second = 30\n[limits.ntp]\nper_second = 1\n\
                   [zone.\"pool.example\"]\nxdp = false\n[http]\nlisten = \"\"\n";
        let in_place =
            ["limits.ntp.per_second", "limits.per_second", "xdp.interfaces", "zone.pool.example"];
        assert_eq!(keys(new), (strings(&in_place), strings(&["dns.listen", "http.listen"])));
    }

    #[test]
    fn xdp_is_switched_off_by_a_restart_alone() {
        let mode =
            |mode: &str| keys(&RUNNING.replace("[limits]", &format!("mode = {mode:?}\n[limits]")));
        assert_eq!(mode("generic"), (strings(&["xdp.mode"]), vec![]));
        assert_eq!(mode("off"), (vec![], strings(&["xdp.mode"])));
    }

    #[test]
    fn what_was_taken_over_is_no_change_any_more_and_the_rest_still_is() {
        let new =
            RUNNING.replace("192.0.2.1", "192.0.2.2").replace("20", "30") + "[log]\npath = \"q\"\n";
        let running = taken_over(RUNNING, &new);
        let after = changes(&running, &new);
        assert_eq!(after.in_place, [""; 0]);
        assert_eq!(after.restart, ["dns.listen", "log.path"]);
        // The file is as it was at the start, but for the limit.
        assert_eq!(changes(&running, RUNNING).in_place, ["limits.per_second"]);
        assert_eq!(changes(&running, RUNNING).restart, [""; 0]);
    }
}
