//! The operator's switches, as bits that every packet looks at.
//!
//! The tables hold the only copy of the switches' present state. A switch that is set while the
//! node runs stays until it is set again, or until the node starts again as configured.

use std::fmt;

use edge_common::abi::switches as bit;
use serde::{Deserialize, Serialize};

use crate::store::Store;

/// Which way replies leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReturnPath {
    /// Back to where the query came from.
    #[default]
    Mirror,
    /// The same way, but only if the kernel's routing table would send them there; others pass.
    Fib,
}

/// The switches of the whole node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// Whether XDP passes everything.
    pub bypass: bool,
    /// Whether XDP counts what it would answer, and passes it.
    pub dry_run: bool,
    /// Whether XDP refuses (REFUSED) names of no zone instead of passing them.
    pub refuse_unknown: bool,
    /// Which way replies leave.
    pub return_path: ReturnPath,
}

/// An order to set one switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "switch", rename_all = "snake_case", deny_unknown_fields)]
pub enum Setting {
    /// [`Switches::bypass`], which scripts may know by its old name.
    #[serde(alias = "drain")]
    Bypass {
        /// How it is to be.
        on: bool,
    },
    /// [`Switches::dry_run`].
    DryRun {
        /// How it is to be.
        on: bool,
    },
    /// [`Switches::refuse_unknown`].
    RefuseUnknown {
        /// How it is to be.
        on: bool,
    },
    /// [`Switches::return_path`].
    ReturnPath {
        /// How it is to be.
        path: ReturnPath,
    },
    /// Whether XDP answers for a zone.
    Zone {
        /// The zone's name.
        name: String,
        /// How it is to be.
        on: bool,
    },
}

impl Switches {
    /// Reads all of them from the tables.
    #[must_use]
    pub fn read(store: &Store) -> Self {
        let word = store.control.switches();
        let is = |bit| word & bit != 0;
        Self {
            bypass: is(bit::BYPASS),
            dry_run: is(bit::DRY_RUN),
            refuse_unknown: is(bit::REFUSE),
            return_path: if is(bit::FIB) { ReturnPath::Fib } else { ReturnPath::Mirror },
        }
    }

    /// Writes all of them into the tables.
    pub fn write(self, store: &Store) {
        for setting in self.settings() {
            setting.write(store);
        }
    }

    /// The order that sets each of them.
    #[must_use]
    pub fn settings(self) -> [Setting; 4] {
        [
            Setting::Bypass { on: self.bypass },
            Setting::DryRun { on: self.dry_run },
            Setting::RefuseUnknown { on: self.refuse_unknown },
            Setting::ReturnPath { path: self.return_path },
        ]
    }

    /// Remarks for a person on the switches that aren't in their usual state, a line each.
    #[must_use]
    pub fn remarks(self) -> Vec<&'static str> {
        let fib = self.return_path == ReturnPath::Fib;
        let remarks = [
            (self.bypass, "BYPASS is on: XDP passes everything, the authority answers alone"),
            (
                self.dry_run && !self.bypass,
                "DRY RUN is on: XDP counts what it would answer, and passes it to the authority",
            ),
            (
                self.dry_run && self.bypass,
                "DRY RUN is on, too: it begins to count when bypass is switched off",
            ),
            (self.refuse_unknown, "refuse-unknown is on: XDP refuses names of no zone"),
            (fib, "return-path is fib: XDP passes what the routing table would send another way"),
        ];
        remarks.into_iter().filter(|(is, _)| *is).map(|(_, remark)| remark).collect()
    }
}

impl Setting {
    /// Writes it into the tables; all other bits stay. A zone's switch has no bit.
    pub fn write(&self, store: &Store) {
        let (bit, on) = match self {
            Self::Bypass { on } => (bit::BYPASS, *on),
            Self::DryRun { on } => (bit::DRY_RUN, *on),
            Self::RefuseUnknown { on } => (bit::REFUSE, *on),
            Self::ReturnPath { path } => (bit::FIB, *path == ReturnPath::Fib),
            Self::Zone { .. } => return,
        };
        store.control.set_switch(bit, on);
    }

    /// The switch's name on the command line.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Bypass { .. } => "bypass".into(),
            Self::DryRun { .. } => "dry-run".into(),
            Self::RefuseUnknown { .. } => "refuse-unknown".into(),
            Self::ReturnPath { .. } => "return-path".into(),
            Self::Zone { name, .. } => format!("zone {name}"),
        }
    }

    /// The wanted state, in the words of the command line.
    #[must_use]
    pub const fn value(&self) -> &'static str {
        match self {
            Self::Bypass { on }
            | Self::DryRun { on }
            | Self::RefuseUnknown { on }
            | Self::Zone { on, .. } => on_off(*on),
            Self::ReturnPath { path: ReturnPath::Mirror } => "mirror",
            Self::ReturnPath { path: ReturnPath::Fib } => "fib",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is {}", self.name(), self.value())
    }
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::{ReturnPath, Setting, Switches};
    use crate::store::Store;
    use edge_common::abi::switches;

    #[test]
    fn each_switch_has_its_own_bit_and_leaves_the_others_alone() {
        let store = Store::in_memory();
        store.control.set_switches(switches::LIMIT | switches::PREFIXES);
        let mut expected = Switches::default();
        assert_eq!(Switches::read(&store), expected);
        type Change = fn(&mut Switches);
        let steps: [(Setting, u64, Change); 4] = [
            (Setting::Bypass { on: true }, switches::BYPASS, |now| now.bypass = true),
            (Setting::DryRun { on: true }, switches::DRY_RUN, |now| now.dry_run = true),
            (Setting::RefuseUnknown { on: true }, switches::REFUSE, |now| {
                now.refuse_unknown = true;
            }),
            (Setting::ReturnPath { path: ReturnPath::Fib }, switches::FIB, |now| {
                now.return_path = ReturnPath::Fib;
            }),
        ];
        for (setting, bit, change) in steps {
            let before = store.control.switches();
            setting.write(&store);
            change(&mut expected);
            assert_eq!(store.control.switches(), before | bit);
            assert_eq!(Switches::read(&store), expected);
        }
        Switches::default().write(&store);
        assert_eq!(store.control.switches(), switches::LIMIT | switches::PREFIXES);
    }

    #[test]
    fn what_is_unusual_is_remarked_and_nothing_else() {
        assert_eq!(Switches::default().remarks(), [""; 0]);
        let both = Switches { bypass: true, dry_run: true, ..Switches::default() };
        let remarks = both.remarks();
        assert_eq!(remarks.len(), 2);
        assert!(remarks[0].starts_with("BYPASS is on: ") && remarks[1].contains("off"));
        let fib = Switches { return_path: ReturnPath::Fib, ..Switches::default() };
        assert!(fib.remarks()[0].starts_with("return-path is fib: "));
    }

    #[test]
    fn settings_say_what_they_set() {
        let zone = Setting::Zone { name: "pool.example".into(), on: false };
        assert_eq!(zone.to_string(), "zone pool.example is off");
        let path = Setting::ReturnPath { path: ReturnPath::Fib };
        assert_eq!(path.to_string(), "return-path is fib");
        let json = serde_json::to_value(&path).unwrap();
        assert_eq!(json, serde_json::json!({ "switch": "return_path", "path": "fib" }));
    }
}
