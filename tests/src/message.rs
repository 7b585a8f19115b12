//! DNS messages: questions written, replies read.
//!
//! This is done by hand, apart from the product's own code and from any library: records of every
//! type are kept, and names keep their letter case.

mod data;
mod read;
mod reader;

use std::net::IpAddr;

pub use read::{Opt, Record, Reply};
pub use reader::Malformed;

/// Types by their numbers, for those that have an entry in IANA's registry.
pub mod rtype {
    #![expect(missing_docs, reason = "the registry's names")]
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const HINFO: u16 = 13;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const NAPTR: u16 = 35;
    pub const OPT: u16 = 41;
    pub const DS: u16 = 43;
    pub const SSHFP: u16 = 44;
    pub const DNSKEY: u16 = 48;
    pub const TLSA: u16 = 52;
    pub const SVCB: u16 = 64;
    pub const HTTPS: u16 = 65;
    pub const SPF: u16 = 99;
    pub const IXFR: u16 = 251;
    pub const AXFR: u16 = 252;
    pub const ANY: u16 = 255;
    pub const CAA: u16 = 257;
}

/// Header bits of the flags word.
pub mod flag {
    #![expect(missing_docs, reason = "RFC 1035 §4.1.1 and RFC 4035 §3.1.6 name them")]
    pub const QR: u16 = 0x8000;
    pub const AA: u16 = 0x0400;
    pub const TC: u16 = 0x0200;
    pub const RD: u16 = 0x0100;
    pub const RA: u16 = 0x0080;
    pub const Z: u16 = 0x0040;
    pub const AD: u16 = 0x0020;
    pub const CD: u16 = 0x0010;
}

/// RCODEs.
pub mod rcode {
    #![expect(missing_docs, reason = "the registry's names")]
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const BADVERS: u16 = 16;
    pub const BADCOOKIE: u16 = 23;
}

/// Option codes.
pub mod option {
    #![expect(missing_docs, reason = "the registry's names")]
    pub const NSID: u16 = 3;
    pub const SUBNET: u16 = 8;
    pub const COOKIE: u16 = 10;
    pub const KEEPALIVE: u16 = 11;
    pub const PADDING: u16 = 12;
}

/// Class IN.
pub const IN: u16 = 1;
/// Class CHAOS.
pub const CH: u16 = 3;
/// Class ANY.
pub const ANY_CLASS: u16 = 255;

/// A question and everything around it; what isn't said is as a plain stub asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// In text, as [`wire_name`](crate::frames::wire_name) reads it.
    pub name: String,
    /// Octets to be sent in place of the name, if that is to be none.
    pub raw_name: Option<Vec<u8>>,
    /// QTYPE.
    pub rtype: u16,
    /// QCLASS.
    pub class: u16,
    /// Message ID.
    pub id: u16,
    /// The header's flags word.
    pub flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT, OPT records not counted.
    pub counts: [u16; 4],
    /// Records behind the question, whole.
    pub records: Vec<u8>,
    /// OPT records.
    pub opts: Vec<OptAsked>,
    /// Records behind these, whole.
    pub after: Vec<u8>,
    /// Octets behind the last record.
    pub junk: Vec<u8>,
}

/// An OPT record to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptAsked {
    /// Octets of UDP payload that are taken.
    pub size: u16,
    /// EDNS version.
    pub version: u8,
    /// Extended RCODE, which a query has no use for.
    pub extended: u8,
    /// DO and Z.
    pub flags: u16,
    /// Options: code and data.
    pub options: Vec<(u16, Vec<u8>)>,
    /// Octets behind the options, inside the record's data.
    pub junk: Vec<u8>,
}

impl Default for OptAsked {
    fn default() -> Self {
        Self {
            size: 4096,
            version: 0,
            extended: 0,
            flags: 0,
            options: Vec::new(),
            junk: Vec::new(),
        }
    }
}

impl Ask {
    /// For a name and a type in class IN, recursion desired, no EDNS.
    #[must_use]
    pub fn new(name: &str, rtype: u16) -> Self {
        Self {
            name: name.to_owned(),
            raw_name: None,
            rtype,
            class: IN,
            id: 0x2a17,
            flags: flag::RD,
            counts: [1, 0, 0, 0],
            records: Vec::new(),
            opts: Vec::new(),
            after: Vec::new(),
            junk: Vec::new(),
        }
    }

    /// With these flags only.
    #[must_use]
    pub fn flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    /// In a class.
    #[must_use]
    pub fn class(self, class: u16) -> Self {
        Self { class, ..self }
    }

    /// With an OPT record.
    #[must_use]
    pub fn opt(mut self, opt: OptAsked) -> Self {
        self.opts.push(opt);
        self
    }

    /// With an OPT record of version 0 without options.
    #[must_use]
    pub fn edns(self, size: u16) -> Self {
        self.opt(OptAsked { size, ..OptAsked::default() })
    }

    /// With an option, in the OPT record that is there or a new one.
    #[must_use]
    pub fn option(mut self, code: u16, data: &[u8]) -> Self {
        if self.opts.is_empty() {
            self = self.edns(4096);
        }
        if let Some(opt) = self.opts.last_mut() {
            opt.options.push((code, data.to_vec()));
        }
        self
    }

    /// With a Client Subnet option of just the octets that its prefix has (RFC 7871 §6):
    /// `192.0.2.0/24`.
    ///
    /// # Panics
    /// When the text is no prefix.
    #[must_use]
    pub fn subnet(self, prefix: &str) -> Self {
        self.option(option::SUBNET, &subnet(prefix))
    }

    /// With a record of the additional section before the OPT records.
    #[must_use]
    pub fn before(mut self, record: &[u8]) -> Self {
        self.counts[3] = self.counts[3].wrapping_add(1);
        self.records.extend(record);
        self
    }

    /// With a record of the additional section behind the OPT records.
    #[must_use]
    pub fn after(mut self, record: &[u8]) -> Self {
        self.counts[3] = self.counts[3].wrapping_add(1);
        self.after.extend(record);
        self
    }

    /// The message.
    ///
    /// # Panics
    /// When a label or option is too long.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut counts = self.counts;
        counts[3] = counts[3].wrapping_add(u16::try_from(self.opts.len()).expect("few"));
        let mut message = Vec::new();
        for word in [self.id, self.flags].into_iter().chain(counts) {
            message.extend(word.to_be_bytes());
        }
        if self.counts[0] > 0 {
            match &self.raw_name {
                Some(octets) => message.extend(octets),
                None => message.extend(crate::frames::wire_name(&self.name)),
            }
            message.extend(self.rtype.to_be_bytes());
            message.extend(self.class.to_be_bytes());
        }
        message.extend(&self.records);
        for opt in &self.opts {
            message.extend(opt.octets());
        }
        message.extend(&self.after);
        message.extend(&self.junk);
        message
    }
}

impl OptAsked {
    /// With options: code and data.
    #[must_use]
    pub fn with(options: &[(u16, &[u8])]) -> Self {
        let options = options.iter().map(|(code, data)| (*code, data.to_vec())).collect();
        Self { options, ..Self::default() }
    }

    /// The record.
    ///
    /// # Panics
    /// When an option, or all of them, have more than 65,535 octets.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for (code, octets) in &self.options {
            data.extend(code.to_be_bytes());
            data.extend(u16::try_from(octets.len()).expect("short").to_be_bytes());
            data.extend(octets);
        }
        data.extend(&self.junk);
        let mut record = vec![0, 0, 41];
        record.extend(self.size.to_be_bytes());
        record.extend([self.extended, self.version]);
        record.extend(self.flags.to_be_bytes());
        record.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        record.extend(data);
        record
    }
}

/// The data of a Client Subnet option with scope 0.
///
/// # Panics
/// When the text is no prefix.
#[must_use]
pub fn subnet(prefix: &str) -> Vec<u8> {
    let (address, length) = prefix.split_once('/').expect("a prefix");
    let length: u8 = length.parse().expect("a prefix length");
    let (family, octets) = match address.parse().expect("an address") {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut data = vec![0, family, length, 0];
    data.extend(&octets[..usize::from(length.div_ceil(8))]);
    data
}
