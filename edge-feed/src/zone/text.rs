//! JSON of geodns, written from areas, a root and vendors.
//!
//! It is written by hand, because a tree of values for thirty thousand records costs more than
//! everything else. Text that needs escapes passes through [`quoted`]; the pool has checked the
//! names of areas and vendors.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::area::Area;
use super::areas::Areas;
use crate::member::{GROUPS, Member};
use crate::server::GLOBAL;
use crate::snapshot::{ClientType, Root, Vendor};

/// No mail for any name (RFC 7505).
const NULL_MX: &str = r#""mx":[{"mx":".","preference":0}]"#;

/// Writes formatted text to a `String`, which can't fail.
macro_rules! put {
    ($out:expr, $($what:tt)*) => {
        write!($out, $($what)*).unwrap_or_default()
    };
}

/// The text of an area's labels.
#[derive(Clone, Debug, Default)]
pub(super) struct AreaLabels {
    /// The content of its own label, without the braces: a root adds to that of the world.
    own: String,
    /// The numbered labels, each with a comma before it.
    numbered: String,
}

/// Writes an area's labels.
pub(super) fn labels(name: &str, area: &Area, areas: &Areas) -> AreaLabels {
    let mut text = AreaLabels::default();
    let name = label(name);
    let dot = if name.is_empty() { "" } else { "." };
    if let Some(parent) = leads_to(name, area, areas) {
        text.own = format!(r#""alias":"{parent}""#);
        for group in 0..GROUPS {
            put!(text.numbered, r#","{group}.{name}":{{"alias":"{group}.{parent}"}}"#);
        }
        return text;
    }
    let everywhere = areas.policy().aaaa_everywhere;
    let put_six = |out: &mut String, at: Option<usize>| {
        let mut members = area.six_at(at, everywhere).peekable();
        if members.peek().is_some() {
            out.push(',');
            records(out, "aaaa", members, areas);
        }
    };
    text.own.push_str(NULL_MX);
    if !area.members(false).is_empty() {
        text.own.push(',');
        records(&mut text.own, "a", area.members(false).iter().copied(), areas);
    }
    put_six(&mut text.own, None);
    for group in 0..GROUPS {
        put!(text.numbered, r#","{group}{dot}{name}":{{"#);
        records(&mut text.numbered, "a", area.group(false, group), areas);
        put_six(&mut text.numbered, Some(group));
        text.numbered.push('}');
    }
    text
}

/// The continent that the labels of a country without any server lead to, when zones are
/// back-filled. Never the world: that label would lead back.
fn leads_to<'a>(name: &str, area: &Area, areas: &'a Areas) -> Option<&'a str> {
    let parent = areas.parent(name).filter(|_| areas.policy().backfill.is_some())?;
    let full = areas.get(parent).is_some_and(|parent| !parent.is_empty());
    (area.is_empty() && full).then_some(parent)
}

fn records(out: &mut String, key: &str, members: impl Iterator<Item = Member>, areas: &Areas) {
    put!(out, r#""{key}":["#);
    let mut comma = "";
    for member in members {
        out.push_str(comma);
        out.push_str(areas.record(member));
        decimal(out, member.weight);
        out.push(']');
        comma = ",";
    }
    out.push(']');
}

/// The label of an area in geodns: that of the world is the apex.
fn label(name: &str) -> &str {
    if name == GLOBAL { "" } else { name }
}

/// Writes a zone.
pub(super) fn zone(
    root: &Root,
    serial: u32,
    areas: &BTreeMap<String, AreaLabels>,
    vendors: &[Vendor],
) -> String {
    let size: usize = areas.values().map(|each| each.own.len() + each.numbered.len() + 16).sum();
    let mut out = String::with_capacity(size + 400 * (vendors.len() + 10));
    let ttl = root.ttl.clamp(MIN_TTL, MAX_TTL);
    let stathat = quoted(&root.stathat_api);
    put!(
        out,
        r#"{{"serial":{serial},"ttl":{ttl},"max_hosts":4,"logging":{{"stathat_api":{stathat}}},"data":{{"#
    );
    apex(&mut out, root, areas.get(GLOBAL));
    fixed(&mut out, root, areas);
    for (name, labels) in areas.iter().filter(|(name, _)| *name != GLOBAL) {
        put!(out, ",\n\"{name}\":{{{}}}{}", labels.own, labels.numbered);
    }
    if root.vendor_available {
        add_vendors(&mut out, root, areas, vendors);
    }
    out.push_str("}}\n");
    out
}

/// The least TTL of the pool's settings, and the most of DNS (RFC 2181 §8), in seconds.
const MIN_TTL: u32 = 30;
const MAX_TTL: u32 = 0x7fff_ffff;

/// The label of the world: name servers and texts besides what is in an area.
fn apex(out: &mut String, root: &Root, world: Option<&AreaLabels>) {
    out.push_str("\"\":{\"ns\":{");
    let mut comma = "";
    for ns in &root.ns {
        put!(out, "{comma}{}:null", quoted(ns));
        comma = ",";
    }
    out.push('}');
    if !root.txt.is_empty() {
        let texts: Vec<String> = root.txt.iter().map(|text| quoted(text)).collect();
        put!(out, ",\"txt\":[{}]", texts.join(","));
    }
    match world {
        Some(world) => put!(out, ",{}}}{}", world.own, world.numbered),
        None => put!(out, ",{NULL_MX}}}"),
    }
}

/// The labels that are in each zone, unless an area has the same name.
fn fixed(out: &mut String, root: &Root, areas: &BTreeMap<String, AreaLabels>) {
    if !root.www.is_empty() {
        for name in ["www", "web"].into_iter().filter(|name| !areas.contains_key(*name)) {
            put!(out, ",\n\"{name}\":{{\"cname\":{},\"ttl\":7200}}", quoted(&root.www));
        }
    }
    if !root.dmarc.is_empty() && !areas.contains_key("_dmarc") {
        put!(out, ",\n\"_dmarc\":{{\"txt\":{}}}", quoted(&root.dmarc));
    }
    if !areas.contains_key("gb") {
        out.push_str(",\n\"gb\":{\"alias\":\"uk\"}");
        for group in 0..GROUPS {
            put!(out, r#","{group}.gb":{{"alias":"{group}.uk"}}"#);
        }
    }
}

/// The names that are never a vendor's.
const RESERVED: [&str; 10] = ["", "@", "0", "1", "2", "3", "gb", "www", "web", "_dmarc"];

/// Vendors' labels. A vendor whose name is taken, by an area or an earlier vendor, is left out.
fn add_vendors(
    out: &mut String,
    root: &Root,
    areas: &BTreeMap<String, AreaLabels>,
    vendors: &[Vendor],
) {
    let mut seen = HashSet::new();
    for vendor in vendors.iter().filter(|vendor| vendor.apex == root.apex) {
        let name = vendor.zone_name.as_str();
        // A name such as "0.uk" belongs to a numbered label.
        let numbered = name.split_once('.').is_some_and(|(first, _)| RESERVED.contains(&first));
        if numbered || RESERVED.contains(&name) || areas.contains_key(name) || !seen.insert(name) {
            continue;
        }
        out.push_str(",\n");
        let mut comma = "";
        if vendor.client_type != ClientType::Ntp {
            put!(out, r#""{name}":{{"alias":""}}"#);
            comma = ",";
        }
        if vendor.client_type != ClientType::Sntp {
            for group in 0..GROUPS {
                put!(out, r#"{comma}"{group}.{name}":{{"alias":"{group}"}}"#);
                comma = ",";
            }
        }
    }
}

/// Writes a number. The formatter takes five times as long, and there are thirty thousand of them.
fn decimal(out: &mut String, mut number: u32) {
    let mut digits = ['0'; 10];
    let mut n_digits = 0;
    for digit in digits.iter_mut().rev() {
        *digit = char::from_digit(number % 10, 10).unwrap_or('0');
        number /= 10;
        n_digits += 1;
        if number == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - n_digits));
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
