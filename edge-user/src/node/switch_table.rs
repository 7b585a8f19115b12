//! The table of all switches, as `edge switch` shows it.

use serde::{Deserialize, Serialize};

use edge_leaves::text_table::{Align, indented};
use edge_tables::live::switches::{Setting, Switches};

/// All switches of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchTable {
    /// As they are.
    pub switches: Switches,
    /// As the configuration has them.
    pub configured: Switches,
    /// By zone.
    pub zones: Vec<ZoneSwitch>,
    /// Whether the node has XDP at all (`xdp.mode`).
    pub xdp: bool,
    /// The names of the switches that stay as they are over a restart.
    #[serde(default)]
    pub kept: Vec<String>,
}

/// The switch of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSwitch {
    /// The zone's name.
    pub name: String,
    /// Whether XDP should answer for it.
    pub xdp: bool,
    /// What the configuration sets for that.
    pub configured: bool,
}

const WITHOUT_XDP: &str = "xdp.mode is \"off\": no switch changes who answers\n";

impl SwitchTable {
    /// As they are, and as the configuration has them.
    fn pairs(&self) -> Vec<(Setting, Setting)> {
        let zone = |zone: &ZoneSwitch, on| Setting::Zone { name: zone.name.clone(), on };
        let zones = self
            .zones
            .iter()
            .map(|switch| (zone(switch, switch.xdp), zone(switch, switch.configured)));
        self.switches.settings().into_iter().zip(self.configured.settings()).chain(zones).collect()
    }

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut rows = vec![["SWITCH", "NOW", "CONFIGURED"].map(str::to_owned).to_vec()];
        let pairs = self.pairs();
        rows.extend(pairs.iter().map(|(now, configured)| {
            vec![now.name(), now.value().to_owned(), configured.value().to_owned()]
        }));
        let mut text = indented(&rows, Align::Numbers, 2);
        let differ = || pairs.iter().filter(|(now, configured)| now != configured);
        if differ().any(|(now, _)| !self.keeps(now)) {
            text.push_str("differences last until the next switch or a restart of the node\n");
        }
        if !self.kept.is_empty() {
            text.push_str(&format!("kept over restarts: {}\n", self.kept.join(", ")));
        }
        if !self.xdp {
            text.push_str(WITHOUT_XDP);
        }
        text
    }

    /// Whether a switch stays as it is over a restart.
    fn keeps(&self, setting: &Setting) -> bool {
        // Zones of the same name differ in case and in the last dot at most.
        let name = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        self.kept.iter().any(|kept| name(kept) == name(&setting.name()))
    }

    /// The message when a switch has been set.
    #[must_use]
    pub fn confirm(&self, setting: &Setting) -> String {
        let mut text = setting.to_string();
        let configured = self.pairs().into_iter().find(|(now, _)| same_switch(now, setting));
        if let Some((_, configured)) = configured.filter(|(now, configured)| now != configured) {
            let end = if self.keeps(setting) { "" } else { " or a restart of the node" };
            let configured = configured.value();
            text.push_str(&format!(
                " until the next switch{end}; the configuration has {configured}"
            ));
        }
        text.push('\n');
        if let Setting::Zone { on: true, .. } = setting
            && self.switches.bypass
        {
            text.push_str("bypass is on: XDP still passes the zone's queries\n");
        }
        if !self.xdp {
            text.push_str(WITHOUT_XDP);
        }
        text
    }
}

/// Whether both set the same switch, to whatever.
pub(super) fn same_switch(one: &Setting, other: &Setting) -> bool {
    match (one, other) {
        // Names are shown as the zone's file has them; orders have them as they were typed.
        (Setting::Zone { name: one, .. }, Setting::Zone { name: other, .. }) => {
            let bare = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            bare(one) == bare(other)
        }
        _ => one.name() == other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SwitchTable, ZoneSwitch};
    use edge_tables::live::switches::{Setting, Switches};

    fn table() -> SwitchTable {
        let zone = |name: &str, xdp| ZoneSwitch { name: name.into(), xdp, configured: true };
        SwitchTable {
            switches: Switches::default(),
            configured: Switches { bypass: true, ..Switches::default() },
            zones: vec![zone("pool.example", false), zone("b.example", true)],
            xdp: true,
            kept: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_over_restarts_is_named() {
        let kept = SwitchTable { kept: vec!["bypass".into()], ..table() };
        let text = kept.to_text();
        // The zone isn't.
        assert!(text.contains("differences last until the next switch or a restart"), "{text}");
        assert!(text.ends_with("kept over restarts: bypass\n"), "{text}");
        let confirmed = kept.confirm(&Setting::Bypass { on: false });
        assert_eq!(confirmed, "bypass is off until the next switch; the configuration has on\n");
        let kept = vec!["bypass".into(), "zone Pool.example.".into()];
        let text = SwitchTable { kept, ..table() }.to_text();
        assert!(!text.contains("differences last"), "{text}");
    }

    #[test]
    fn the_table_has_every_switch_and_how_long_differences_last() {
        let expected = "  SWITCH             NOW     CONFIGURED\n\
                        \x20 bypass             off     on\n\
                        \x20 dry-run            off     off\n\
                        \x20 refuse-unknown     off     off\n\
                        \x20 return-path        mirror  mirror\n\
                        \x20 zone pool.example  off     on\n\
                        \x20 zone b.example     on      on\n\
                        differences last until the next switch or a restart of the node\n";
        assert_eq!(table().to_text(), expected);
        let all_as_configured = SwitchTable {
            configured: Switches::default(),
            zones: Vec::new(),
            xdp: false,
            ..table()
        };
        let text = all_as_configured.to_text();
        assert!(
            !text.contains("differences last") && text.contains("xdp.mode is \"off\""),
            "{text}"
        );
    }

    #[test]
    fn a_setting_is_confirmed_with_the_configured_one_only_if_that_differs() {
        assert_eq!(
            table().confirm(&Setting::Bypass { on: false }),
            "bypass is off until the next switch or a restart of the node; the configuration \
             has on\n"
        );
        assert_eq!(table().confirm(&Setting::DryRun { on: false }), "dry-run is off\n");
        let zone = |name: &str, on| Setting::Zone { name: name.into(), on };
        assert!(table().confirm(&zone("Pool.Example.", false)).ends_with("configuration has on\n"));
        let bypassed = SwitchTable { switches: table().configured, ..table() };
        let text = bypassed.confirm(&zone("b.example", true));
        assert_eq!(
            text,
            "zone b.example is on\nbypass is on: XDP still passes the zone's queries\n"
        );
    }
}
