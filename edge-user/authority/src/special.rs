//! The special labels: `_status`, `_health` and `_country`.
//!
//! No zone file has them. They exist only where the zone has nothing, as the first label of a name.
//! `_status` and `_health` describe the server, and are for this host alone unless configured
//! otherwise. `_country` describes the client, and is for everyone.

use edge_common::subnet::Subnet;
use hickory_proto::rr::RecordType;

use super::asked::Asked;
use super::client::{Client, netmask};
use super::options::Options;
use super::query_context::QueryContext;
use super::reply::Reply;
use edge_zone::geo::full_prefix_len;
use edge_zone::rdata::write_text;
use edge_zone::special::Special;

/// In seconds: answers are hardly ever cached.
const TTL: u32 = 1;

/// The special label that `label` begins with, if the client may ask for it.
pub(super) fn find(label: &str, options: &Options, asked: &Asked) -> Option<Special> {
    let may_ask = || options.public_debug_queries || asked.client.ip().to_canonical().is_loopback();
    Special::of(label).filter(|special| *special == Special::Country || may_ask())
}

/// The scope of the answer. Only the text of `_country` depends on the subnet, and it depends on
/// the whole address.
pub(super) fn scope(special: Special, subnet: Option<&Subnet>) -> u8 {
    match (special, subnet.filter(|subnet| subnet.source_prefix > 0).and_then(Subnet::ip)) {
        (Special::Country, Some(address)) => full_prefix_len(address),
        _ => 0,
    }
}

/// Writes the answer; false if there is none of the type.
pub(super) fn answer(
    special: Special,
    context: &QueryContext<'_>,
    client: &Client,
    reply: &mut Reply<'_>,
) -> bool {
    let rtype = RecordType::from(context.query.rtype);
    if !matches!(rtype, RecordType::TXT | RecordType::ANY) {
        return false;
    }
    let texts = match special {
        Special::Status => vec![status(context.options)],
        Special::Health => vec!["{}".to_owned()],
        Special::Country => country(context, client),
    };
    reply.answer(RecordType::TXT.into(), TTL, |out| {
        for text in &texts {
            write_text(text, out);
        }
    });
    true
}

fn status(options: &Options) -> String {
    serde_json::json!({
        "h": options.hostname,
        "id": options.server_id,
        "up": options.started.elapsed().as_secs().to_string(),
        "v": env!("CARGO_PKG_VERSION"),
    })
    .to_string()
}

fn country(context: &QueryContext<'_>, client: &Client) -> Vec<String> {
    // The targets of the address that counts, though an answer may have gone by the packet's
    // source.
    let own = Client::at(context.serving, &context.served.zone, client.ip);
    let zone = &context.served.zone;
    let netmask = netmask(context.serving, zone, client.ip, zone.has_closest);
    let coordinates = match own.coordinates {
        Some((latitude, longitude)) => format!("({latitude:.3},{longitude:.3})"),
        None => "()".to_owned(),
    };
    vec![
        context.asked.client.to_string(),
        client.ip.to_string(),
        own.targets.to_string(),
        format!("/{netmask}"),
        context.options.server_id.clone(),
        context.asked.server.ip().to_string(),
        coordinates,
    ]
}
