//! The configuration, read again while the node runs.
//!
//! SIGHUP and `edge reload` ask for it. The controller's thread reads the file: it may be on a
//! disk that hangs. A file that isn't good changes nothing. Of a good one the node takes over what
//! it can in place, and names the keys for which it has to be started again.

use serde_json::{Value, json};
use tracing::{error, info, warn};

use super::running_config::unix_seconds;
use super::worker::Worker;
use crate::node::kept_switches;
use crate::node::status::Reload;
use crate::settings::{Changes, Config, Denied, changes, taken_over};
use edge_tables::live::cookie_state::CookieState;
use edge_tables::live::limits;

impl Worker {
    /// Reads the file again. Returns the new configuration, if something was taken over, and the
    /// reply to whoever asked.
    pub(super) fn reload(&mut self) -> (Option<Box<Config>>, Result<Value, String>) {
        let path = self.running.last.path.clone();
        let taken = Config::load(path.as_ref())
            .map_err(|cause| cause.to_string())
            .and_then(|config| Ok((self.take_over(&config)?, config)));
        match taken {
            Ok((Changes { in_place, restart }, config)) => {
                self.running.text = taken_over(&self.running.text, &config.source.text);
                info!("{path}: read again; {}", summary(&in_place));
                if !restart.is_empty() {
                    warn!("{path}: the node has to be started again for {}", restart.join(", "));
                }
                let reply = json!({
                    "schema": 1, "path": path, "changed": in_place, "needs_restart": restart,
                });
                self.running.last = Reload {
                    path,
                    ok: true,
                    unix_seconds: unix_seconds(),
                    needs_restart: restart,
                    ..Reload::default()
                };
                (Some(Box::new(config)), Ok(reply))
            }
            Err(cause) => {
                error!("reload: {cause}; the node goes on with the configuration that it has");
                self.running.last.ok = false;
                self.running.last.error.clone_from(&cause);
                (None, Err(cause))
            }
        }
    }

    /// Takes over what differs and can be.
    ///
    /// # Errors
    /// When the kernel or a file of the new configuration refuses. What came before in the order
    /// of the code was taken over then; the next reload begins from there.
    fn take_over(&mut self, config: &Config) -> Result<Changes, String> {
        let changes = changes(&self.running.text, &config.source.text);
        let has = |section: &str| {
            let mut keys = changes.in_place.iter();
            keys.any(|key| {
                key.strip_prefix(section)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        // What may be refused comes first.
        if has("cookies") {
            let store = self.controller.store().clone();
            self.cookies = CookieState::start(&store, &config.cookies, &self.nsid)
                .map_err(|cause| cause.to_string())?;
        }
        if has("limits") {
            (self.set_limits)(&config.limits).map_err(|cause| format!("limits: {cause}"))?;
        }
        let store = self.controller.store().clone();
        if has("ntp") {
            limits::set_ntp_denial(&store, config.ntp.deny == Denied::Kiss);
        }
        let switches = ["bypass", "dry_run", "refuse_unknown", "return_path"];
        if switches.iter().any(|key| has(&format!("xdp.{key}"))) {
            config.xdp.switches().write(&store);
            self.configured = config.xdp.switches();
            if let Err(cause) = kept_switches::lock(&self.kept).forget_general() {
                warn!("{cause}; a restart begins with switches that were set before the reload");
            }
        }
        if has("zone") || has("zones") {
            let refresh = self.controller.configure(config.zone.clone(), config.shares());
            self.report(refresh);
        }
        Ok(changes)
    }
}

/// What was taken over, for people.
fn summary(changed: &[String]) -> String {
    if changed.is_empty() {
        return "nothing that can change in place differs".to_owned();
    }
    format!("took over {}", changed.join(", "))
}
