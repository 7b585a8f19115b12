//! The configuration that a node runs by, as its controller's thread keeps it.

use std::time::SystemTime;

use crate::node::status::Reload;
use crate::settings::Config;
use edge_tables::backend_error::BackendError;
use edge_tables::live::limits::Limits;

/// Sets the limits, in the kernel, too, if XDP is on.
pub(super) type SetLimits = Box<dyn FnMut(&Limits) -> Result<(), BackendError> + Send>;

/// The configuration that a node runs by, and how the last reload ended.
pub(super) struct Running {
    /// The text of the file, as far as it was taken over.
    pub(super) text: String,
    pub(super) last: Reload,
}

impl Running {
    /// Of a node that starts.
    pub(super) fn new(config: &Config) -> Self {
        let last = Reload {
            path: config.source.path.display().to_string(),
            ok: true,
            unix_seconds: unix_seconds(),
            ..Reload::default()
        };
        Self { text: config.source.text.clone(), last }
    }
}

/// Now, in seconds of Unix time.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}
