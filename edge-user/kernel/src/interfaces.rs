//! The host's network interfaces, as the kernel reports them over rtnetlink.
//!
//! [`list`] asks for all of them at once: names, link-layer addresses, the programs that are
//! attached. [`Changes`] reports when it is worth asking again. sysfs would not do: it can't
//! distinguish one end of a veth pair for certain, and it may be another network namespace's.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use edge_common::abi::Device;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkXdp, Prop, State, XdpAttached,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::mode::Mode;

/// Octets of the buffer for a part of an answer. The kernel fills at most 32 KiB at a time.
const PART_OCTETS: usize = 65_536;
/// How often a listing that a change interrupted is begun again.
const TRIES: usize = 5;
/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` (`linux/rtnetlink.h`).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A network interface, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its other names (`ip link property add … altname`).
    pub other_names: Vec<String>,
    /// Its link-layer address; zeros if it has none of six octets.
    pub address: [u8; 6],
    /// Its kind, such as `veth`; `None` if it isn't a virtual one.
    pub kind: Option<String>,
    /// Whether it is up, by the administrator's wish.
    pub is_up: bool,
    /// Whether it has a carrier, as far as its driver knows.
    pub has_carrier: bool,
    /// The largest packet, in octets.
    pub mtu: u32,
    /// The index of the interface below it: a VLAN's or macvlan's parent. A veth's far end, too.
    pub lower: Option<u32>,
    /// The index of the interface that it belongs to: a bond, a team, a bridge.
    pub controller: Option<u32>,
    /// The XDP program on it: its identifier, and its mode.
    pub program: Option<(u32, Mode)>,
}

impl Interface {
    /// Whether this is one of its names.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.other_names.iter().any(|other| other == name)
    }
}

/// All interfaces of this network namespace.
///
/// # Errors
/// When the kernel can't be asked.
pub fn list() -> io::Result<Vec<Interface>> {
    let all = dump(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let link = |message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(interface(link)),
        _ => None,
    };
    Ok(all.into_iter().filter_map(link).collect())
}

/// The addresses of this network namespace that a service can be had at. IPv6 addresses that are
/// still being checked for duplicates, or are duplicates, aren't among them (RFC 4862 §5.4).
///
/// # Errors
/// When the kernel can't be asked.
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    let all = dump(&RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
    let address = |message| {
        let RouteNetlinkMessage::NewAddress(AddressMessage { header, attributes, .. }) = message
        else {
            return None;
        };
        let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
        // With a peer, `Local` is this end's address and `Address` the other one's.
        let local = attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(ip) => Some(*ip),
            _ => None,
        });
        let own = attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        });
        local.or(own).filter(|_| !header.flags.intersects(unusable))
    };
    Ok(all.into_iter().filter_map(address).collect())
}

fn open(flags: SocketFlags) -> io::Result<OwnedFd> {
    // NETLINK_ROUTE is the protocol of number 0.
    Ok(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?)
}

/// What the kernel lists in reply to a question.
fn dump(question: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    let socket = open(SocketFlags::CLOEXEC)?;
    for _ in 0..TRIES {
        if let Some(all) = dump_once(&socket, question)? {
            return Ok(all);
        }
    }
    Err(io::Error::other("the interfaces change faster than they can be listed"))
}

/// One listing; `None` if a change interrupted it.
fn dump_once(
    socket: &OwnedFd,
    question: &RouteNetlinkMessage,
) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_DUMP | NLM_F_REQUEST;
    let mut question = NetlinkMessage::new(header, NetlinkPayload::from(question.clone()));
    question.finalize();
    let mut octets = vec![0; question.buffer_len()];
    question.serialize(&mut octets);
    send(socket, &octets, SendFlags::empty())?;

    let (mut all, mut is_whole) = (Vec::new(), true);
    let mut part = vec![0; PART_OCTETS];
    loop {
        let (octets, _) = recv(socket, &mut *part, RecvFlags::empty())?;
        let mut rest = part.get(..octets).unwrap_or_default();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
            is_whole &= message.header.flags & NLM_F_DUMP_INTR == 0;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(is_whole.then_some(all)),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(message) => all.push(message),
                _ => {}
            }
            // Messages are aligned to four octets. An empty one would go on for ever.
            let octets = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            let next = octets.max(4).checked_next_multiple_of(4).unwrap_or(usize::MAX);
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

fn interface(link: LinkMessage) -> Interface {
    let is_up = link.header.flags.contains(LinkFlags::Up);
    let mut it = Interface {
        index: link.header.index,
        is_up,
        has_carrier: link.header.flags.contains(LinkFlags::LowerUp),
        ..Interface::default()
    };
    for attribute in link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => it.name = name,
            LinkAttribute::PropList(properties) => {
                it.other_names.extend(properties.into_iter().filter_map(
                    |property| match property {
                        Prop::AltIfName(name) => Some(name),
                        _ => None,
                    },
                ));
            }
            LinkAttribute::Address(octets) => {
                it.address = octets.try_into().unwrap_or_default();
            }
            LinkAttribute::Mtu(mtu) => it.mtu = mtu,
            LinkAttribute::Link(index) => it.lower = Some(index).filter(|index| *index != 0),
            LinkAttribute::Controller(index) => it.controller = Some(index),
            LinkAttribute::OperState(State::Down | State::LowerLayerDown) => it.has_carrier = false,
            LinkAttribute::LinkInfo(infos) => {
                it.kind = infos.into_iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            LinkAttribute::Xdp(parts) => it.program = program(&parts),
            _ => {}
        }
    }
    it
}

/// The program that a link has, from the parts of its attribute.
fn program(parts: &[LinkXdp]) -> Option<(u32, Mode)> {
    let mode = parts.iter().find_map(|part| match part {
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some(Mode::Generic),
        // A driver's and its hardware's program can be there together: the driver's counts.
        LinkXdp::Attached(XdpAttached::Driver | XdpAttached::Multiple | XdpAttached::Hardware) => {
            Some(Mode::Native)
        }
        _ => None,
    })?;
    let id = |wanted: fn(&LinkXdp) -> Option<u32>| parts.iter().find_map(wanted);
    let own = match mode {
        Mode::Generic => id(|part| match part {
            LinkXdp::SkbProgId(id) => Some(*id),
            _ => None,
        }),
        Mode::Native => id(|part| match part {
            LinkXdp::DrvProgId(id) => Some(*id),
            _ => None,
        }),
    };
    let any = || {
        id(|part| match part {
            LinkXdp::ProgId(id) => Some(*id),
            _ => None,
        })
    };
    Some((own.or_else(any)?, mode))
}

/// The pairs of interface index and link-layer address that frames for an interface carry.
///
/// Besides its own address, these are the addresses of VLANs and the like on top of it, and, when
/// it has ports (a bond, a team), the addresses of each port, which XDP runs on.
#[must_use]
pub(super) fn devices(all: &[Interface], index: u32) -> Vec<Device> {
    let Some(it) = all.iter().find(|it| it.index == index) else { return Vec::new() };
    let is_port = |port: &&Interface| port.controller == Some(index) && !is_bridge(it);
    let ports: Vec<_> = all.iter().filter(is_port).collect();
    // Both ends of a veth pair name each other as what is below them.
    let uppers = all.iter().filter(|upper| {
        upper.lower == Some(index) && upper.kind.as_deref() != Some("veth") && upper.index != index
    });
    let addresses = std::iter::once(it).chain(uppers).chain(ports.iter().copied());
    let mut found = Vec::new();
    for address in addresses.map(|of| of.address).filter(|address| *address != [0; 6]) {
        let [a, b, c, d, e, f] = address;
        for ifindex in std::iter::once(index).chain(ports.iter().map(|port| port.index)) {
            let device = Device { address: [a, b, c, d, e, f, 0, 0], ifindex, reserved: 0 };
            if !found.contains(&device) {
                found.push(device);
            }
        }
    }
    found
}

fn is_bridge(it: &Interface) -> bool {
    it.kind.as_deref() == Some("bridge")
}

/// The kernel's reports that an interface or an address changed.
#[derive(Debug)]
pub struct Changes(OwnedFd);

impl Changes {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn listen() -> io::Result<Self> {
        let socket = open(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self(socket))
    }

    /// Waits for a change, at most so long. Returns whether there was one. What has arrived by
    /// then counts as one change.
    ///
    /// # Errors
    /// When the system refuses to wait.
    pub fn wait(&self, longest: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let longest = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut fds, Some(&longest)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(cause) => return Err(cause.into()),
        }
        let mut ignored = [0; 4096];
        // ENOBUFS: more came than the socket holds, so there was a change.
        while matches!(recv(&self.0, &mut ignored, RecvFlags::TRUNC), Ok(_) | Err(Errno::NOBUFS)) {}
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Changes, Interface, LinkXdp, Mode, XdpAttached, addresses, devices, list, program,
    };
    use std::time::Duration;

    fn interface(index: u32, last: u8) -> Interface {
        Interface {
            index,
            name: format!("i{index}"),
            address: [2, 0, 0, 0, 0, last],
            ..Interface::default()
        }
    }

    /// (index, last octet of the address), in order.
    fn found(all: &[Interface], index: u32) -> Vec<(u32, u8)> {
        devices(all, index).iter().map(|device| (device.ifindex, device.address[5])).collect()
    }

    #[test]
    fn the_kernel_lists_loopback_of_no_kind() {
        let all = list().unwrap();
        let lo = all.iter().find(|it| it.is_called("lo")).unwrap();
        assert_eq!((lo.index, &lo.kind, lo.address), (1, &None, [0; 6]));
        assert!(lo.mtu > 0 && lo.program.is_none());
    }

    #[test]
    fn the_kernel_lists_the_address_of_loopback() {
        assert!(addresses().unwrap().contains(&std::net::Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn without_a_change_the_wait_ends_by_itself() {
        let changes = Changes::listen().unwrap();
        // Another test's interface may come meanwhile; the call ends either way.
        changes.wait(Duration::from_millis(1)).unwrap();
    }

    #[test]
    fn addresses_of_vlans_count_and_those_of_a_veth_s_far_end_do_not() {
        let all = [
            interface(2, 1),
            Interface { lower: Some(2), kind: Some("vlan".into()), ..interface(3, 2) },
            Interface { lower: Some(2), kind: Some("vlan".into()), ..interface(4, 1) },
            Interface { lower: Some(2), kind: Some("veth".into()), ..interface(5, 3) },
        ];
        assert_eq!(found(&all, 2), [(2, 1), (2, 2)]);
        assert_eq!(found(&all, 9), []);
    }

    #[test]
    fn a_bond_s_ports_have_its_address_and_their_own_and_a_bridge_s_do_not() {
        let of = |kind: &str| {
            [
                Interface { kind: Some(kind.into()), ..interface(2, 1) },
                Interface { controller: Some(2), ..interface(3, 2) },
                Interface { controller: Some(2), ..interface(4, 1) },
            ]
        };
        assert_eq!(found(&of("bond"), 2), [(2, 1), (3, 1), (4, 1), (2, 2), (3, 2), (4, 2)]);
        assert_eq!(found(&of("bridge"), 2), [(2, 1)]);
    }

    #[test]
    fn an_interface_without_a_link_layer_address_has_no_device() {
        let all = [Interface { address: [0; 6], ..interface(2, 0) }];
        assert_eq!(found(&all, 2), []);
    }

    #[test]
    fn the_program_of_the_mode_counts() {
        let attached = LinkXdp::Attached(XdpAttached::SocketBuffer);
        let of = |parts: &[LinkXdp]| program(parts);
        assert_eq!(of(&[LinkXdp::Attached(XdpAttached::None)]), None);
        assert_eq!(
            of(&[attached, LinkXdp::ProgId(7), LinkXdp::SkbProgId(7)]),
            Some((7, Mode::Generic))
        );
        let both = [
            LinkXdp::Attached(XdpAttached::Multiple),
            LinkXdp::SkbProgId(1),
            LinkXdp::DrvProgId(2),
        ];
        assert_eq!(of(&both), Some((2, Mode::Native)));
    }
}
