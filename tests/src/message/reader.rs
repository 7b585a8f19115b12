//! A reader of a message's octets: numbers and names.

use std::fmt::Write as _;

/// Why octets aren't a message, in words.
pub type Malformed = String;

/// Writes a label with what isn't a plain character escaped (RFC 1035 §5.1).
pub(super) fn escape_label(octets: &[u8], out: &mut String) {
    for octet in octets {
        match octet {
            b'.' | b'\\' | b'"' => out.extend(['\\', char::from(*octet)]),
            0x21..=0x7e => out.push(char::from(*octet)),
            other => write!(out, "\\{other:03}").expect("a string"),
        }
    }
}

/// Octets and how far they are read.
pub(super) struct Reader<'m> {
    pub(super) message: &'m [u8],
    pub(super) at: usize,
}

impl<'m> Reader<'m> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'m [u8], Malformed> {
        let taken = self.message.get(self.at..self.at + n).ok_or("ends too early")?;
        self.at += n;
        Ok(taken)
    }

    pub(super) fn octet(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn word(&mut self) -> Result<u16, Malformed> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    pub(super) fn long(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from(self.word()?) << 16 | u32::from(self.word()?))
    }

    /// A name, which may be compressed: pointers lead backwards only.
    pub(super) fn name(&mut self) -> Result<String, Malformed> {
        let mut text = String::new();
        let mut end = None;
        let mut before = self.at;
        loop {
            match self.octet()? {
                0 => break,
                length @ 1..=63 => {
                    escape_label(self.take(length.into())?, &mut text);
                    text.push('.');
                }
                high @ 0xc0.. => {
                    let to = usize::from(u16::from_be_bytes([high & 0x3f, self.octet()?]));
                    end.get_or_insert(self.at);
                    if to >= before {
                        return Err(format!("a pointer at {before} leads forward, to {to}"));
                    }
                    (before, self.at) = (to, to);
                }
                other => return Err(format!("a label of type {other:#x}")),
            }
            if text.len() > 1020 {
                return Err("a name without end".to_owned());
            }
        }
        self.at = end.unwrap_or(self.at);
        if text.is_empty() {
            text.push('.');
        }
        Ok(text)
    }
}
