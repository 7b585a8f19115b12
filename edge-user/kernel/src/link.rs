//! The kind of a virtual interface, as the kernel reports it over rtnetlink.
//!
//! sysfs can't distinguish one end of a veth pair from other interfaces for certain, and it may be
//! another network namespace's.

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// Octets of `struct nlmsghdr`, and of `struct ifinfomsg` behind it.
const HEADER_OCTETS: usize = 16;
const REQUEST_OCTETS: u8 = 32;
/// Octets of `struct rtattr`. Attributes are padded to a multiple of it.
const ATTRIBUTE_OCTETS: usize = 4;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
/// The bits of an attribute's type that aren't flags.
const TYPE: u16 = 0x3fff;
/// Octets of the buffer for an answer about one interface, which fits into it.
const ANSWER_OCTETS: usize = 32_768;

/// The kind of an interface, such as `veth`; `None` if it isn't a virtual one.
///
/// # Errors
/// When the kernel can't be asked.
pub(super) fn kind(ifindex: u32) -> io::Result<Option<String>> {
    let (family, flags) = (AddressFamily::NETLINK, SocketFlags::CLOEXEC);
    // NETLINK_ROUTE is the protocol of number 0.
    let socket = socket_with(family, SocketType::RAW, flags, None)?;
    send(&socket, &request(ifindex), SendFlags::empty())?;
    let mut answer = vec![0; ANSWER_OCTETS];
    let (octets, _) = recv(&socket, &mut *answer, RecvFlags::empty())?;
    Ok(answer.get(..octets).and_then(kind_in))
}

/// The question for one interface, by its index.
fn request(ifindex: u32) -> [u8; REQUEST_OCTETS as usize] {
    let mut request = [0; REQUEST_OCTETS as usize];
    let fields = [
        (0, u32::from(REQUEST_OCTETS).to_ne_bytes()),
        (4, halves(RTM_GETLINK, NLM_F_REQUEST)),
        (HEADER_OCTETS + 4, ifindex.to_ne_bytes()),
    ];
    for (at, octets) in fields {
        for (to, from) in request.iter_mut().skip(at).zip(octets) {
            *to = from;
        }
    }
    request
}

/// Two fields of 16 bits.
fn halves(first: u16, second: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (first.to_ne_bytes(), second.to_ne_bytes());
    [a, b, c, d]
}

/// The kind in an answer, if it has one.
fn kind_in(answer: &[u8]) -> Option<String> {
    if number(answer.get(4..6)?)? != RTM_NEWLINK {
        return None;
    }
    let info = attribute(answer.get(REQUEST_OCTETS.into()..)?, IFLA_LINKINFO)?;
    let kind = attribute(info, IFLA_INFO_KIND)?;
    let end = kind.iter().position(|octet| *octet == 0).unwrap_or(kind.len());
    String::from_utf8(kind.get(..end)?.to_vec()).ok()
}

fn number(octets: &[u8]) -> Option<u16> {
    octets.first_chunk().map(|octets| u16::from_ne_bytes(*octets))
}

/// The value of the first attribute of a type.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let octets = usize::from(number(rest)?);
        let found = number(rest.get(2..)?)? & TYPE;
        if found == wanted {
            return rest.get(ATTRIBUTE_OCTETS..octets);
        }
        // Shorter than its own header: nothing sensible follows.
        let next = octets.next_multiple_of(ATTRIBUTE_OCTETS);
        rest = rest.get(next..).filter(|_| octets >= ATTRIBUTE_OCTETS)?;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ATTRIBUTE_OCTETS, IFLA_INFO_KIND, IFLA_LINKINFO, RTM_NEWLINK, halves, kind, kind_in,
    };

    fn attribute(of: u16, value: &[u8]) -> Vec<u8> {
        let octets = u16::try_from(ATTRIBUTE_OCTETS + value.len()).unwrap();
        let mut all = halves(octets, of).to_vec();
        all.extend_from_slice(value);
        all.resize(all.len().next_multiple_of(ATTRIBUTE_OCTETS), 0);
        all
    }

    fn answer(of: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut answer = vec![0; 32];
        answer[4..6].copy_from_slice(&of.to_ne_bytes());
        answer.extend(attributes.concat());
        answer
    }

    #[test]
    fn the_kind_is_found_behind_other_attributes() {
        let name = attribute(3, b"srv\0");
        let info = attribute(IFLA_LINKINFO | 0x8000, &attribute(IFLA_INFO_KIND, b"veth\0"));
        let whole = answer(RTM_NEWLINK, &[name.clone(), attribute(4, b"odd"), info.clone()]);
        assert_eq!(kind_in(&whole).as_deref(), Some("veth"));
        assert_eq!(kind_in(&answer(RTM_NEWLINK, &[name])), None);
        assert_eq!(kind_in(&answer(2, &[info])), None);
    }

    #[test]
    fn an_answer_that_is_cut_off_or_senseless_tells_nothing() {
        let info = attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, b"veth\0"));
        let whole = answer(RTM_NEWLINK, &[info]);
        // The padding behind the name doesn't matter.
        for end in 0..whole.len() - 3 {
            assert_eq!(kind_in(&whole[..end]), None, "{end}");
        }
        assert_eq!(kind_in(&answer(RTM_NEWLINK, &[vec![0; 16]])), None);
    }

    #[test]
    fn the_kernel_says_that_loopback_is_of_no_kind() {
        let lo = nix::net::if_::if_nametoindex("lo").unwrap();
        assert_eq!(kind(lo).unwrap(), None);
    }
}
