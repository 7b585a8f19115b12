//! The name that a response is about, if that name exists.

use edge_common::wire::dns::NAME_OCTETS;

use edge_zone::wire::Reader;

/// A name on the wire, in lower case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    octets: [u8; NAME_OCTETS],
    used: usize,
}

impl Name {
    /// The question's name of a response with the RCODE NOERROR.
    pub(super) fn of(response: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(response);
        let header = reader.header()?;
        if header.questions != 1 || header.rcode() != 0 {
            return None;
        }
        let name = reader.name()?;
        let mut octets = [0; NAME_OCTETS];
        let to = octets.get_mut(..name.len())?;
        to.copy_from_slice(name);
        // Length octets are below any letter.
        to.make_ascii_lowercase();
        Some(Self { octets, used: name.len() })
    }

    /// Its octets.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    fn response(rcode: u8, name: &[u8]) -> Vec<u8> {
        [&[0, 7, 0x84, rcode, 0, 1, 0, 1, 0, 0, 0, 0], name, &[0, 1, 0, 1]].concat()
    }

    #[test]
    fn the_name_of_an_answer_is_read_in_lower_case() {
        let name = Name::of(&response(0, b"\x03WwW\x04Pool\0")).unwrap();
        assert_eq!(name.octets(), b"\x03www\x04pool\0");
        assert_eq!(Name::of(&response(0x80, b"\0")).unwrap().octets(), b"\0");
    }

    #[test]
    fn names_that_do_not_exist_and_what_is_cut_are_no_names() {
        for rcode in [1, 2, 3, 5] {
            assert!(Name::of(&response(rcode, b"\x03www\0")).is_none());
        }
        let whole = response(0, b"\x03www\0");
        for end in 0..whole.len() - 4 {
            assert!(Name::of(&whole[..end]).is_none());
        }
        assert!(Name::of(&response(0, b"\xc0\x0c")).is_none());
        let long = [&[63; 64][..]; 5].concat();
        assert!(Name::of(&response(0, &[&long[..], &[0]].concat())).is_none());
        let mut two = whole;
        two[5] = 2;
        assert!(Name::of(&two).is_none());
    }
}
