//! A zone without the records that its health data exclude.
//!
//! Unhealthy records are removed before anything is searched, selected or compiled, so that all of
//! these agree. A set without healthy records counts as empty, and the next target is tried.
//!
//! Only records of labels with a `health` key are tested. The key of an address or a mail exchange
//! is the address or the name itself. Other records have none and count as healthy. A record's own
//! `health` replaces the key; with `file/key` it also names another status file.

use super::model::{Label, Zone};
use super::name::bare;
use super::record::{Record, total_weight, weigh};

/// Whether the server `key` is healthy by the status file `file`: called with file, then key.
pub type Fit<'f> = dyn Fn(&str, &str) -> bool + 'f;

impl Zone {
    /// Whether each tested record is healthy, in the order of the zone's labels and of their
    /// records. Equal results mean equal [`judged`](Self::judged) zones.
    #[must_use]
    pub fn record_health(&self, fit: &Fit<'_>) -> Vec<bool> {
        let mut verdicts = Vec::new();
        let labels = self.labels.iter().filter(|label| label.health.is_some());
        for mut label in labels.cloned() {
            judge(&mut label, &mut |file, key| {
                let is_fit = fit(file, key);
                verdicts.push(is_fit);
                is_fit
            });
        }
        verdicts
    }

    /// The zone with the fit records alone, and nothing left to be tested.
    #[must_use]
    pub fn judged(&self, fit: &Fit<'_>) -> Self {
        let mut zone = self.clone();
        for label in zone.labels.iter_mut() {
            judge(label, &mut |file, key| fit(file, key));
        }
        zone.has_health = false;
        zone
    }
}

fn judge(label: &mut Label, fit: &mut dyn FnMut(&str, &str) -> bool) {
    let Some(file) = label.health.take() else { return };
    let mut test = |own: Option<&str>, default: &dyn Fn() -> Option<String>| match own {
        Some(own) if !own.is_empty() => {
            let (file, key) = own.split_once('/').unwrap_or((&file, own));
            fit(file, key)
        }
        _ => default().is_none_or(|key| fit(&file, &key)),
    };
    keep(&mut label.a, &mut test, |ip| Some(ip.to_string()));
    keep(&mut label.aaaa, &mut test, |ip| Some(ip.to_string()));
    keep(&mut label.mx, &mut test, |mx| Some(bare(&mx.exchange)));
    keep(&mut label.ns, &mut test, |_| None);
    keep(&mut label.cname, &mut test, |_| None);
    keep(&mut label.ptr, &mut test, |_| None);
    keep(&mut label.txt, &mut test, |_| None);
    keep(&mut label.srv, &mut test, |_| None);
    keep(&mut label.spf, &mut test, |_| None);
    for (_, records) in &mut label.wire {
        retain(records, &mut test, |_| None);
    }
}

/// Asks about a record's own key, or about what it is.
type Test<'t> = dyn FnMut(Option<&str>, &dyn Fn() -> Option<String>) -> bool + 't;

fn keep<T>(
    set: &mut Option<Vec<Record<T>>>,
    test: &mut Test<'_>,
    key: impl Fn(&T) -> Option<String>,
) {
    if let Some(records) = set {
        retain(records, test, key);
    }
}

fn retain<T>(
    records: &mut Vec<Record<T>>,
    test: &mut Test<'_>,
    key: impl Fn(&T) -> Option<String>,
) {
    let is_weighted = total_weight(records) > 0;
    records.retain(|record| test(record.health.as_deref(), &|| key(&record.data)));
    // Where records are selected from, they still are when only those without a weight are left.
    weigh(records, is_weighted);
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use crate::{ClientPlace, Found, Targets, Zone, find, parse};

    const DATA: &str = r#"{"data": {"": {},
      "x": {"health": {"name": "f"}, "txt": "t", "cname": [],
            "a": [["192.0.2.1", 9], ["192.0.2.2", 1], {"ip": "192.0.2.3", "weight": 0, "health": "g/three"}],
            "mx": [{"mx": "MX1.example.net."}, {"mx": "mx2"}],
            "srv": [{"target": "s.", "health": "srv"}, {"target": "t."}]},
      "x.europe": {"health": {"type": "f"}, "a": [["192.0.2.4", 5]]},
      "y": {"a": [{"ip": "192.0.2.9", "health": "g/nine"}]}}}"#;

    fn zone() -> Zone {
        parse("example.com", DATA.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap()
    }

    fn judged(healthy: &[(&str, &str)]) -> Zone {
        zone().judged(&|file, key| healthy.contains(&(file, key)))
    }

    #[test]
    fn a_record_is_looked_up_by_what_it_is_or_by_its_own_key() {
        let mut asked = Vec::new();
        let keys = std::cell::RefCell::new(&mut asked);
        let verdicts = zone().record_health(&|file, key| {
            keys.borrow_mut().push(format!("{file} {key}"));
            false
        });
        assert_eq!(
            asked,
            [
                "f 192.0.2.1",
                "f 192.0.2.2",
                "g three",
                "f MX1.example.net",
                "f mx2",
                "f srv",
                "f 192.0.2.4"
            ]
        );
        assert_eq!(verdicts, [false; 7]);
    }

    #[test]
    fn unfit_records_are_gone_and_untested_ones_stay() {
        let zone = judged(&[("f", "192.0.2.2"), ("f", "mx2")]);
        let x = zone.labels.get("x").unwrap();
        let a: Vec<_> = x.a.iter().flatten().map(|r| (r.data.to_string(), r.until)).collect();
        assert_eq!(a, [("192.0.2.2".to_owned(), 1)]);
        let mx: Vec<_> = x.mx.iter().flatten().map(|r| r.data.exchange.to_string()).collect();
        assert_eq!(mx, ["mx2."]);
        let srv: Vec<_> = x.srv.iter().flatten().map(|r| r.data.target.to_string()).collect();
        assert_eq!(srv, ["t."]);
        assert_eq!(x.txt.as_ref().unwrap().len(), 1);
        assert_eq!(zone.labels.get("y").unwrap().a.as_ref().unwrap().len(), 1);
        assert!(!zone.has_health && x.health.is_none());
    }

    #[test]
    fn records_without_a_weight_are_selected_from_when_they_are_all_that_is_left() {
        let zone = judged(&[("g", "three")]);
        let a = zone.labels.get("x").unwrap().a.as_ref().unwrap();
        assert_eq!((a.len(), a[0].weight, a[0].until), (1, 1, 1));
    }

    #[test]
    fn a_target_whose_records_are_all_unfit_falls_through_to_the_next() {
        let found = |healthy: &[(&str, &str)]| {
            let zone = judged(healthy);
            let targets = Targets::new(zone.targeting, &ClientPlace::in_country("DE"));
            match find(&zone, "x", &targets, 1) {
                Found::Records { label, .. } => label.name.to_string(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(found(&[("f", "192.0.2.4"), ("f", "192.0.2.1")]), "x.europe");
        assert_eq!(found(&[("f", "192.0.2.1")]), "x");
        assert_eq!(found(&[]), "NoData");
    }
}
