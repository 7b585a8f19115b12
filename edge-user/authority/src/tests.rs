//! Tests of the authority from outside.
//!
//! They send octets and receive octets. A decoder that isn't ours reads the responses.

mod chaos;
mod cookies;
mod edns;
mod header;
pub(super) mod mutation;
mod records;
mod scope;
mod sockets;
mod special;
mod wild;

use super::fixture::{
    A, AAAA, ANY, Ask, Atlas, CNAME, DATA, DS, HTTPS, MX, NS, PTR, SOA, SRV, TXT, ask,
    assert_negative, opt, serving, zone,
};
