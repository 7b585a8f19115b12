//! An order to set a switch comes in; how all switches are goes out.

use tracing::info;

use super::{Node, tell};
use crate::node::switch_table::SwitchTable;
use edge_tables::live::switches::{Setting, Switches};
use edge_tables::publish::Placed;
use edge_zone::Zone;

impl Node {
    /// The switches of the whole node.
    pub(super) fn switches(&self) -> Switches {
        Switches::read(self.controller.store())
    }

    /// All switches.
    pub(super) fn switch_table(&self) -> SwitchTable {
        SwitchTable {
            switches: self.switches(),
            configured: self.config.xdp.switches(),
            zones: self.controller.zone_switches(),
            xdp: self.xdp.is_some(),
        }
    }

    /// Sets a switch; it is so when this returns.
    ///
    /// # Errors
    /// When there is no such zone, or the kernel refuses a publication; then nothing has changed.
    pub(super) fn switch(&mut self, setting: &Setting) -> Result<SwitchTable, String> {
        match setting {
            Setting::Zone { name, on } => tell(&self.controller.switch_zone(name, *on)?),
            setting => setting.write(self.controller.store()),
        }
        info!("switched: {setting}");
        self.tell_vitals();
        Ok(self.switch_table())
    }

    /// Why XDP doesn't answer for a zone, whatever the switches of the whole node say; empty if it does.
    pub(super) fn why_not(&self, zone: &Zone, placed: Option<&Placed>) -> String {
        if self.xdp.is_none() {
            return "xdp.mode is \"off\"".into();
        }
        if !self.controller.is_in_xdp(&zone.apex) {
            return "switched off".into();
        }
        match placed {
            Some(Placed { unfit: Some(reason), .. }) => reason.to_string(),
            Some(_) => String::new(),
            None => "its targeting doesn't fit".into(),
        }
    }
}
