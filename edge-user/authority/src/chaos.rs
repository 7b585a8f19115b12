//! The names of class CH, and the texts that answer them.
//!
//! `version.bind` and `version.server` give the configured version. `id.server` and `hostname.bind`
//! (RFC 4892) give the server's identifier. Everything else of the class is refused.

use hickory_proto::rr::{DNSClass, RecordType};

use super::message::Query;
use super::options::Options;
use super::reply::Reply;
use edge_zone::rdata::write_text;

/// Writes the answer, or nothing for another type than TXT; false if the query is to be refused.
pub(super) fn answer(query: &Query<'_>, options: &Options, reply: &mut Reply<'_>) -> bool {
    let class = u16::from(DNSClass::CH);
    if query.class != class {
        return false;
    }
    let is_named = |name: &[u8]| query.name.eq_ignore_ascii_case(name);
    let text: &str = if is_named(b"\x07version\x04bind\0") || is_named(b"\x07version\x06server\0") {
        &options.version
    } else if is_named(b"\x02id\x06server\0") || is_named(b"\x08hostname\x04bind\0") {
        if options.chaos_id { &options.server_id } else { "" }
    } else {
        ""
    };
    if text.is_empty() {
        return false;
    }
    if matches!(RecordType::from(query.rtype), RecordType::TXT | RecordType::ANY) {
        // Not to be cached: two questions may reach two servers.
        reply.record((RecordType::TXT.into(), class), 0, |out| write_text(text, out));
    }
    true
}
