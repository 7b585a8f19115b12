//! A whole node at the server's end of a link, with the pool's zone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use edge_tests::geoip::country_mmdb;
use edge_user::node::control::{self, Request};
use edge_user::node::status::{Counters, Status};

use crate::link::{SERVER, connect4, connect6};
use crate::pool::{self, APEX, SERVER4, SERVER6};
use crate::process::{self, PATIENCE, Process};

/// A running node.
pub(super) struct Node {
    process: Process,
    socket: PathBuf,
}

/// What a node has done so far.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// Its counters.
    pub counters: Counters,
    /// Nanoseconds of CPU of its first thread, which watches and deals.
    pub controller: u64,
    /// Nanoseconds of CPU of all others: the authority.
    pub authority: u64,
}

fn configuration(folder: &Path) -> String {
    let (four, six) = (SERVER4.ip(), SERVER6.ip());
    format!(
        "[dns]\nlisten = [\"{four}\", \"{six}\"]\nworkers = 1\nserver_id = \"bench\"\n\
         [xdp]\ninterfaces = [\"{SERVER}\"]\nmode = \"native\"\ninstance = \"edge-bench-{}\"\n\
         [cookies]\nsecrets = [\"secret\"]\n\
         [control]\nsocket = \"{}/edge.sock\"\n",
        std::process::id(),
        folder.display()
    )
}

/// Writes configuration, secret, zone and database.
fn write(folder: &Path) -> Result<PathBuf> {
    for name in ["zones", "geoip"] {
        fs::create_dir(folder.join(name)).context("make a folder")?;
    }
    let digits = format!("{:032x}", u128::from_be_bytes(pool::SECRET));
    fs::write(folder.join("secret"), digits)?;
    fs::write(folder.join(format!("zones/{APEX}.json")), pool::zone_json())?;
    let prefixes = pool::prefixes();
    let prefixes: Vec<_> = prefixes.iter().map(|(net, country)| (net.as_str(), *country)).collect();
    fs::write(folder.join("geoip/GeoLite2-Country.mmdb"), country_mmdb(&prefixes))?;
    let config = folder.join("edge.toml");
    fs::write(&config, configuration(folder))?;
    Ok(config)
}

impl Node {
    /// Starts it in the namespace of the thread, on the CPU of the thread.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        connect4()?;
        connect6()?;
        let config = write(folder)?;
        let process = Process::start(&mut process::edge(&config)?, folder, "edge")?;
        let node = Self { process, socket: folder.join("edge.sock") };
        let end = Instant::now() + PATIENCE;
        loop {
            let status = node.status();
            if status.as_ref().is_ok_and(|status| status.zones.iter().any(|zone| zone.in_xdp)) {
                return Ok(node);
            }
            if Instant::now() > end {
                bail!("edge doesn't serve: {status:?}\n{}", node.process.log());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn status(&self) -> Result<Status> {
        let status =
            control::ask(&self.socket, &Request::Status).map_err(|error| anyhow!(error))?;
        Ok(serde_json::from_value(status)?)
    }

    /// What it has done so far.
    pub(super) fn done(&self) -> Result<Done> {
        let counters = self.status()?.counters;
        let (controller, authority) = self.process.cpu();
        Ok(Done { counters, controller, authority })
    }
}

impl Done {
    /// What it did since then.
    pub(super) fn since(mut self, before: &Self) -> Self {
        let counters = &mut self.counters;
        counters.xdp_answered -= before.counters.xdp_answered;
        counters.authority_answered -= before.counters.authority_answered;
        let reasons = counters.passed.iter_mut().chain(&mut counters.dropped);
        for (reason, n) in reasons {
            let old = before.counters.passed.get(reason);
            *n -= old.or_else(|| before.counters.dropped.get(reason)).copied().unwrap_or_default();
        }
        self.controller -= before.controller;
        self.authority -= before.authority;
        self
    }
}
