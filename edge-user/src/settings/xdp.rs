//! `[xdp]`: where and how the program is attached, and its first switches.

use serde::Deserialize;

use edge_tables::live::switches::{ReturnPath, Switches};

/// The XDP program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Xdp {
    /// Interfaces that it is attached to.
    pub interfaces: Vec<String>,
    /// How.
    pub mode: XdpMode,
    /// The folder on the BPF file system that this node pins into.
    pub instance: String,
    /// Which way replies leave.
    pub return_path: ReturnPath,
    /// Whether names of no zone are refused (REFUSED) rather than passed.
    pub refuse_unknown: bool,
    /// Whether everything passes.
    pub bypass: bool,
    /// The old name of `bypass`; `None` after [`Self::rename`].
    pub(crate) drain: Option<bool>,
    /// Whether what would be answered is counted, and passes.
    pub dry_run: bool,
}

impl Default for Xdp {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            mode: XdpMode::Auto,
            instance: "edge".into(),
            return_path: ReturnPath::Mirror,
            refuse_unknown: false,
            bypass: false,
            drain: None,
            dry_run: false,
        }
    }
}

impl Xdp {
    /// Takes the value of the old name over; returns a warning if there was one.
    pub(super) fn rename(&mut self) -> Option<String> {
        self.bypass |= self.drain.take()?;
        Some("xdp.drain is called xdp.bypass now, and the old name will go; rename it".to_owned())
    }

    /// The switches of the whole node, as they are at the start.
    #[must_use]
    pub const fn switches(&self) -> Switches {
        Switches {
            bypass: self.bypass,
            dry_run: self.dry_run,
            refuse_unknown: self.refuse_unknown,
            return_path: self.return_path,
        }
    }
}

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XdpMode {
    /// Natively, or generically with a warning.
    #[default]
    Auto,
    /// Natively or not at all.
    Native,
    /// Generically.
    Generic,
    /// Not at all: the authority answers everything.
    Off,
}
