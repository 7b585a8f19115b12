//! A real resolver that asks the node: unbound, BIND or Knot Resolver.
//!
//! It runs in the client's namespace and knows the node's zone by its configuration. There is no
//! way out of the namespace: it finds only what the node answers.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::source::own_copy;
use super::{PATIENCE, Process, Reply, Rig, SERVER};

/// Where it listens.
const LISTEN: [&str; 2] = ["127.0.0.1", "10.53.0.2"];

/// Which resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With its Client Subnet module, letter case at random and minimised names.
    Unbound,
    /// With cookies and minimised names.
    Named,
    /// As a forwarder.
    Kresd,
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Named => "named",
            Self::Kresd => "kresd",
        }
    }

    fn config(self, zone: &str, from: &str, folder: &Path) -> String {
        let ([first, second], [server, _], folder) = (LISTEN, SERVER, folder.display());
        match self {
            Self::Unbound => format!(
                "server:\n directory: \"{folder}\"\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n\
                 \x20do-daemonize: no\n use-syslog: no\n logfile: \"\"\n num-threads: 1\n\
                 \x20interface: {first}\n interface: {second}\n access-control: 0.0.0.0/0 allow\n\
                 \x20outgoing-interface: {from}\n do-ip6: no\n\
                 \x20module-config: \"subnetcache iterator\"\n send-client-subnet: {server}\n\
                 \x20use-caps-for-id: yes\n qname-minimisation: yes\n\
                 \x20local-zone: \"{zone}\" nodefault\n\
                 remote-control:\n control-enable: no\n\
                 stub-zone:\n name: \"{zone}\"\n stub-addr: {server}\n stub-prime: no\n"
            ),
            Self::Named => format!(
                "options {{\n directory \"{folder}\";\n pid-file none;\n lock-file none;\n\
                 \x20session-keyfile none;\n listen-on {{ {first}; {second}; }};\n\
                 \x20listen-on-v6 {{ none; }};\n query-source address {from};\n recursion yes;\n\
                 \x20allow-query {{ any; }};\n dnssec-validation no;\n qname-minimization strict;\n\
                 \x20empty-zones-enable no;\n minimal-responses no;\n}};\ncontrols {{ }};\n\
                 zone \"{zone}\" {{ type static-stub; server-addresses {{ {server}; }}; }};\n"
            ),
            Self::Kresd => format!(
                "net.ipv6 = false\nnet.listen('{first}', 53)\nnet.listen('{second}', 53)\n\
                 net.outgoing_v4('{from}')\ncache.size = 4 * MB\nmodules.unload('ta_update')\n\
                 trust_anchors.remove('.')\nlog_target('stderr')\n\
                 policy.add(policy.suffix(policy.STUB({{'{server}'}}), \
                 policy.todnames({{'{zone}.'}})))\n"
            ),
        }
    }

    fn arguments(self, config: &Path, folder: &Path) -> Vec<PathBuf> {
        match self {
            Self::Unbound => vec!["-d".into(), "-p".into(), "-c".into(), config.into()],
            Self::Named => vec!["-g".into(), "-c".into(), config.into()],
            Self::Kresd => vec!["-n".into(), "-c".into(), config.into(), folder.into()],
        }
    }
}

/// A running resolver; it ends when it is dropped.
#[derive(Debug)]
pub struct Resolver {
    process: Process,
    kind: Kind,
    _folder: TempDir,
}

impl Resolver {
    /// Starts one that asks the node of `rig` for `zone` from one of the client's addresses, and
    /// waits until it answers.
    #[must_use]
    pub fn start(kind: Kind, rig: &Rig, zone: &str, from: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("edge-test-").tempdir().expect("a folder");
        let config = folder.path().join("config");
        std::fs::write(&config, kind.config(zone, from, folder.path())).expect("write");
        let program = own_copy(kind.program(), folder.path());
        let mut command = rig.client.command("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(&program);
        command.args(kind.arguments(&config, folder.path())).current_dir(folder.path());
        let resolver = Self { process: Process::start(&mut command), kind, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while resolver.try_ask(rig, LISTEN[0], &format!("{zone} SOA")).is_none() {
            assert!(Instant::now() < end, "{kind:?} doesn't answer: {:#?}", resolver.process.log());
            thread::sleep(Duration::from_millis(100));
        }
        resolver
    }

    /// Asks it from an address of its own namespace; failure is `None`.
    fn try_ask(&self, rig: &Rig, client: &str, question: &str) -> Option<Reply> {
        let server = if client == LISTEN[0] { LISTEN[0] } else { LISTEN[1] };
        let reply = rig.try_dig(&format!("@{server} -b {client} {question}"));
        reply.filter(|reply| reply.status != "SERVFAIL")
    }

    /// Asks it from an address of its own namespace.
    ///
    /// # Panics
    /// When it doesn't answer, or fails.
    #[must_use]
    pub fn ask(&self, rig: &Rig, client: &str, question: &str) -> Reply {
        self.try_ask(rig, client, question).unwrap_or_else(|| {
            panic!("{:?} fails {question} from {client}: {:#?}", self.kind, self.process.log())
        })
    }
}
