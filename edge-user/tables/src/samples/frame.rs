//! The parser of a sampled frame, which XDP sent or dropped.
//!
//! It finds the source, the destination and the message. Only the beginning of the frame may be
//! there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_common::wire::{ethernet, ipv4, ipv6, udp};

/// Octets of two link-layer addresses, before the first type.
const ADDRESSES: usize = ethernet::HEADER_OCTETS - 2;
/// Octets of a VLAN tag.
const TAG: usize = 4;

/// The destination of a frame that XDP sent, and the UDP payload, as far as it is there.
pub fn response(frame: &[u8]) -> Option<(IpAddr, &[u8])> {
    message(frame).map(|([_, to], octets)| (to, octets))
}

/// The source of a frame that XDP dropped.
pub fn source(frame: &[u8]) -> Option<IpAddr> {
    message(frame).map(|([from, _], _)| from)
}

/// Source, destination and payload. XDP sends and drops no frames with options, extension headers
/// or more than two tags.
fn message(frame: &[u8]) -> Option<([IpAddr; 2], &[u8])> {
    let mut rest = frame.get(ADDRESSES..)?;
    while let [0x81, 0x00, ..] | [0x88, 0xa8, ..] = rest {
        rest = rest.get(TAG..)?;
    }
    let (kind, packet) = rest.split_first_chunk()?;
    let (between, datagram): ([IpAddr; 2], _) = match kind {
        [0x08, 0x00] => {
            let (header, datagram) = packet.split_first_chunk::<{ ipv4::HEADER_OCTETS }>()?;
            let (addresses, _) = header.last_chunk::<8>()?.as_chunks::<4>();
            (addresses.first_chunk::<2>()?.map(|octets| Ipv4Addr::from(octets).into()), datagram)
        }
        [0x86, 0xdd] => {
            let (header, datagram) = packet.split_first_chunk::<{ ipv6::HEADER_OCTETS }>()?;
            let (addresses, _) = header.last_chunk::<32>()?.as_chunks::<16>();
            (addresses.first_chunk::<2>()?.map(|octets| Ipv6Addr::from(octets).into()), datagram)
        }
        _ => return None,
    };
    let (header, payload) = datagram.split_first_chunk::<{ udp::HEADER_OCTETS }>()?;
    let [_, _, _, _, high, low, _, _] = *header;
    let octets = usize::from(u16::from_be_bytes([high, low])).checked_sub(udp::HEADER_OCTETS)?;
    // A frame may be padded, or cut.
    Some((between, payload.get(..octets).unwrap_or(payload)))
}

#[cfg(test)]
mod tests {
    use super::{response, source};

    /// Addresses of the link, `between`, a header of the network, and a UDP header of `length`.
    fn frame(between: &[u8], network: &[u8], length: u8, payload: &[u8]) -> Vec<u8> {
        let udp = [0, 53, 16, 0, 0, length, 0, 0];
        [&[2; 12][..], between, network, &udp, payload].concat()
    }

    #[test]
    fn the_response_and_its_destination_are_found_behind_tags() {
        let mut four = [0; 20];
        four[16..].copy_from_slice(&[192, 0, 2, 7]);
        let mut six = [0; 40];
        six[24..].copy_from_slice(&"2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
        for tags in [&[][..], &[0x81, 0, 0, 1], &[0x88, 0xa8, 0, 2, 0x81, 0, 0, 1]] {
            let sent = frame(&[tags, &[8, 0]].concat(), &four, 11, b"abc padding");
            assert_eq!(response(&sent), Some(("192.0.2.7".parse().unwrap(), &b"abc"[..])));
            assert_eq!(source(&sent), "0.0.0.0".parse().ok());
            let sent = frame(&[tags, &[0x86, 0xdd]].concat(), &six, 200, b"cut");
            assert_eq!(response(&sent), Some(("2001:db8::7".parse().unwrap(), &b"cut"[..])));
            for end in 0..sent.len() - 3 {
                assert_eq!(response(&sent[..end]), None);
            }
        }
        assert_eq!(response(&frame(&[8, 6], &four, 11, b"abc")), None);
        assert_eq!(response(&frame(&[8, 0], &four, 7, b"abc")), None);
    }
}
