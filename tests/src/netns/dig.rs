//! A reply as `dig` printed it.

/// A resource record as dig writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Owner, with its final dot, in the reply's letter case.
    pub owner: String,
    /// Seconds.
    pub ttl: u32,
    /// Type, such as `AAAA`.
    pub rtype: String,
    /// The rest of the line.
    pub data: String,
}

/// A reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Response code, such as `NOERROR`.
    pub status: String,
    /// Header flags, such as `aa`.
    pub flags: Vec<String>,
    /// The line about EDNS, empty without an OPT record.
    pub edns: String,
    /// The question's name, type and class, as the server repeated it.
    pub question: String,
    /// Answer section.
    pub answers: Vec<Record>,
    /// Authority section.
    pub authorities: Vec<Record>,
    /// Octets of the message.
    pub octets: usize,
    /// All that was printed.
    pub text: String,
}

impl Reply {
    /// Reads what `dig` printed; nothing if no reply came.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut reply = Self { text: text.to_owned(), ..Self::default() };
        let mut section = "";
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once("->>HEADER<<-") {
                reply.status = between(rest, "status: ", ",").to_owned();
            } else if let Some(rest) = line.strip_prefix(";; flags: ") {
                let flags = rest.split(';').next().unwrap_or_default();
                reply.flags = flags.split_whitespace().map(str::to_owned).collect();
            } else if let Some(rest) = line.strip_prefix("; EDNS: ") {
                reply.edns = rest.to_owned();
            } else if let Some(rest) = line.strip_prefix(";; MSG SIZE") {
                reply.octets = rest.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            } else if let Some(rest) = line.strip_prefix(";; ") {
                section = rest.strip_suffix(" SECTION:").unwrap_or_default();
            } else if let Some(rest) = line.strip_prefix(';') {
                if section == "QUESTION" {
                    reply.question = rest.split_whitespace().collect::<Vec<_>>().join(" ");
                }
            } else if let Some(record) = record(line) {
                match section {
                    "ANSWER" => reply.answers.push(record),
                    "AUTHORITY" => reply.authorities.push(record),
                    _ => {}
                }
            }
        }
        (!reply.status.is_empty()).then_some(reply)
    }

    /// The data of the answers, in their order.
    #[must_use]
    pub fn data(&self) -> Vec<&str> {
        self.answers.iter().map(|record| record.data.as_str()).collect()
    }

    /// Whether a header flag is set.
    #[must_use]
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|set| set == flag)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split(after).next().unwrap_or_default()
}

fn record(line: &str) -> Option<Record> {
    let mut words = line.split_whitespace();
    let owner = words.next()?.to_owned();
    let ttl = words.next()?.parse().ok()?;
    let (_class, rtype) = (words.next()?, words.next()?.to_owned());
    let data = words.collect::<Vec<_>>().join(" ");
    Some(Record { owner, ttl, rtype, data })
}

#[cfg(test)]
mod tests {
    use super::Reply;

    const TEXT: &str = "
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 25512
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;PooL.example.\t\tIN\tA

;; ANSWER SECTION:
PooL.example.\t150\tIN\tA\t10.0.0.1
PooL.example.\t150\tIN\tTXT\t\"a b\" \"c\"

;; AUTHORITY SECTION:
pool.example.\t1500\tIN\tSOA\tns1. h. 1 2 3 4 5

;; Query time: 0 msec
;; MSG SIZE  rcvd: 57
";

    #[test]
    fn all_sections_of_a_reply_are_read() {
        let reply = Reply::parse(TEXT).unwrap();
        assert_eq!((reply.status.as_str(), reply.octets), ("NOERROR", 57));
        assert!(reply.has_flag("aa") && !reply.has_flag("tc"));
        assert_eq!(reply.edns, "version: 0, flags:; udp: 1232");
        assert_eq!(reply.question, "PooL.example. IN A");
        assert_eq!(reply.data(), ["10.0.0.1", "\"a b\" \"c\""]);
        assert_eq!((reply.answers[0].ttl, reply.answers[1].rtype.as_str()), (150, "TXT"));
        assert_eq!(reply.authorities[0].rtype, "SOA");
    }

    #[test]
    fn no_reply_is_none() {
        assert_eq!(Reply::parse(";; communications error: timed out\n"), None);
    }
}
