//! `xdp.return_path = "fib"`: only replies that the routing table agrees with.
//!
//! XDP answers where the routing table would send the reply to the sender. What would leave by
//! another interface, or to another neighbour, passes.

use edge_tests::netns::{PATIENCE, Rig, Source};

use crate::ntp::synchronises;

/// Clients of both families, whose networks have routes of their own.
const CLIENTS: [(&str, &str); 2] =
    [("192.0.2.10", "192.0.2.0/24"), ("2001:db8:de::10", "2001:db8:de::/48")];

/// The ways back: addresses of the client's, by family, and our interface.
const USUAL: [&str; 2] = ["via 10.53.0.2 dev srv", "via fd53::2 dev srv"];
const OTHER: [&str; 2] = ["via 10.54.0.2 dev other", "via fd54::2 dev other"];

/// A rig with two links, of which the node is attached to the first. The kernel looks up ways for
/// programs only where it would forward.
fn links() -> Rig {
    let rig = Rig::new("native");
    let (server, client) = (&rig.server, &rig.client);
    server.run(&format!("ip link add other type veth peer name back netns {}", client.name()));
    for (namespace, end, n) in [(server, "other", 1), (client, "back", 2)] {
        namespace.run(&format!("ip address add 10.54.0.{n}/24 dev {end}"));
        namespace.run(&format!("ip address add fd54::{n}/64 dev {end} nodad"));
        namespace.run(&format!("ip link set {end} up"));
    }
    server.enter(|| {
        for family in ["ipv4", "ipv6"] {
            std::fs::write(format!("/proc/sys/net/{family}/conf/srv/forwarding"), "1").unwrap();
        }
    });
    client.enter(|| {
        for end in ["all", "back"] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{end}/rp_filter"), "0").unwrap();
        }
    });
    let config = rig.config().replace("[xdp]\n", "[xdp]\nreturn_path = \"fib\"\n");
    rig.write("edge.toml", config.as_bytes());
    rig
}

/// The same with a node.
fn rig() -> Rig {
    let mut rig = links();
    rig.start();
    rig
}

/// Asks; gives how many XDP answered, how many the authority, and how many passed for their way
/// back.
fn ask(rig: &Rig, client: &str) -> (u64, u64, u64) {
    let before = rig.counters();
    let reply = rig.ask(client, "pool.example A +nocookie");
    assert_eq!(reply.answers.len(), 4, "{}", reply.text);
    let after = rig.counters();
    (
        after.xdp() - before.xdp(),
        after.authority() - before.authority(),
        after.passed("route") - before.passed("route"),
    )
}

/// Asks for the time; gives how many requests XDP answered, and how many passed for their way back.
fn ask_time(rig: &Rig, client: &str) -> (u64, u64) {
    let mut request = [0x23; 48];
    request[40..].copy_from_slice(b"transmit");
    let before = rig.counters();
    // It is connected: what comes from another address than was asked isn't for it.
    let socket = rig.datagrams_to(client, 123);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(socket.send(&request).unwrap(), request.len());
    let mut reply = [0; 128];
    assert_eq!(socket.recv(&mut reply).unwrap(), request.len());
    assert_eq!((reply[0], reply[1], &reply[24..32]), (0x24, 2, &request[40..]));
    let after = rig.counters();
    (after.answered("ntp") - before.answered("ntp"), after.passed("route") - before.passed("route"))
}

/// Sets the way back to both clients' networks.
fn route(rig: &Rig, ways: [&str; 2]) {
    for ((_, network), way) in CLIENTS.iter().zip(ways) {
        rig.server.run(&format!("ip route replace {network} {way}"));
    }
}

#[test]
fn replies_leave_only_by_the_way_that_the_kernel_would_choose() {
    let rig = rig();
    for (client, _) in CLIENTS {
        // The neighbour may not be known yet.
        let _first = ask(&rig, client);
        assert_eq!(ask(&rig, client), (1, 0, 0), "{client}");
    }
    route(&rig, OTHER);
    for (client, _) in CLIENTS {
        assert_eq!(ask(&rig, client), (0, 1, 1), "{client}: by another interface");
    }
    route(&rig, USUAL);
    for (client, _) in CLIENTS {
        assert_eq!(ask(&rig, client), (1, 0, 0), "{client}: as before");
    }
}

#[test]
fn replies_go_to_the_neighbour_that_the_kernel_would_choose() {
    let rig = rig();
    let (client, network) = CLIENTS[0];
    let _first = ask(&rig, client);
    assert_eq!(ask(&rig, client), (1, 0, 0));
    let router = |address: &str| {
        let place = "lladdr {} dev srv nud permanent".replace("{}", address);
        rig.server.run(&format!("ip neighbour replace 10.53.0.9 {place}"));
    };
    // A router that isn't whom queries come from, and isn't there.
    router("02:00:00:00:00:99");
    rig.server.run(&format!("ip route replace {network} via 10.53.0.9 dev srv"));
    let before = rig.counters();
    assert_eq!(rig.try_ask(client, "pool.example A +nocookie"), None, "to nobody");
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    let link = rig.client.read("ip -oneline link show cli");
    let own = link.split_once("link/ether ").and_then(|(_, rest)| rest.split(' ').next());
    router(own.expect("an Ethernet address"));
    assert_eq!(ask(&rig, client), (1, 0, 0), "the client is its own router");
}

#[test]
fn the_time_is_told_by_the_way_that_the_kernel_would_choose_or_by_the_daemon() {
    let mut rig = links();
    let source = Source::start(&rig);
    let path = rig.path("edge.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    rig.write("edge.toml", format!("{config}\n[ntp]\nenabled = true\n").as_bytes());
    rig.start();
    synchronises(&rig);
    for (client, _) in CLIENTS {
        // The neighbour may not be known yet.
        let _first = ask_time(&rig, client);
        assert_eq!(ask_time(&rig, client), (1, 0), "{client}");
    }
    route(&rig, OTHER);
    for (client, _) in CLIENTS {
        assert_eq!(ask_time(&rig, client), (0, 1), "{client}: by another interface");
        assert!(source.clients().iter().any(|heard| heard == client), "{client}");
    }
    route(&rig, USUAL);
    for (client, _) in CLIENTS {
        assert_eq!(ask_time(&rig, client), (1, 0), "{client}: as before");
    }
}
