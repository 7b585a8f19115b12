//! The rows of types of a zone: a name's answers by type.
//!
//! Equal rows are stored once.

use std::collections::HashMap;

use edge_common::abi::{Answer, TypeRow};

use super::Other;
use edge_zone::RecordKind;

/// What a name answers for types other than A and AAAA.
#[derive(Clone, Debug)]
pub(super) struct Others {
    /// For types that no zone holds.
    pub default: Answer,
    /// For types that may differ, each once. The types that are asked for most come first.
    pub own: Vec<(u16, Answer)>,
}

impl Others {
    /// The same with DS left to the authority.
    pub(super) fn without_ds(&self) -> Self {
        let ds = RecordKind::Ds.number();
        let mut own = vec![(ds, Answer::NONE)];
        own.extend(self.own.iter().filter(|(rtype, _)| *rtype != ds));
        Self { default: self.default, own }
    }
}

/// The rows of a zone.
#[derive(Default)]
pub(super) struct Types {
    pub(super) rows: Vec<TypeRow>,
    by_content: HashMap<([u16; TypeRow::TYPES], [u32; TypeRow::TYPES + 1]), u32>,
}

impl Types {
    /// What stands in a name's entry. If more types differ than a row holds, the authority answers
    /// all types that aren't in the row.
    pub(super) fn other(&mut self, others: &Others) -> Other {
        let Others { mut default, ref own } = *others;
        let differing = |default: Answer| own.iter().filter(move |(_, own)| *own != default);
        if differing(default).count() > TypeRow::TYPES {
            default = Answer::NONE;
        }
        let mut row = TypeRow {
            types: [0; TypeRow::TYPES],
            reserved: 0,
            // Of unused places, too: somebody may ask for type 0.
            answers: [default; TypeRow::TYPES + 1],
        };
        let places = row.types.iter_mut().zip(&mut row.answers);
        let mut taken = 0;
        for ((rtype, answer), own) in places.zip(differing(default)) {
            (*rtype, *answer) = *own;
            taken += 1;
        }
        if taken == 0 {
            return Other::Same(default);
        }
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let number =
            *self.by_content.entry((row.types, row.answers.map(|answer| answer.0))).or_insert(next);
        if number == next {
            self.rows.push(row);
        }
        Other::Row(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Other, Others, Types};

    fn others(default: u16, own: &[(u16, u16)]) -> Others {
        let own = own.iter().map(|(rtype, deck)| (*rtype, Answer::constant(*deck))).collect();
        Others { default: Answer::constant(default), own }
    }

    #[test]
    fn names_with_the_same_answers_share_a_row_and_those_without_need_none() {
        let mut types = Types::default();
        assert_eq!(types.other(&others(0, &[(16, 0)])), Other::Same(Answer::constant(0)));
        assert_eq!(types.other(&others(0, &[(16, 2), (15, 0)])), Other::Row(0));
        assert_eq!(types.other(&others(0, &[(16, 3)])), Other::Row(1));
        assert_eq!(types.other(&others(0, &[(16, 2)])), Other::Row(0));
        assert_eq!(types.rows[0].types, [16, 0, 0, 0, 0, 0, 0]);
        assert_eq!(types.rows[0].answers[1..], [Answer::constant(0); 7]);
    }

    #[test]
    fn of_more_types_than_a_row_holds_the_first_have_answers_and_no_other_type_has() {
        let own: Vec<_> = (1..=9).map(|n| (100 + n, n)).collect();
        let mut types = Types::default();
        assert_eq!(types.other(&others(0, &own)), Other::Row(0));
        assert_eq!(types.rows[0].types, [101, 102, 103, 104, 105, 106, 107]);
        assert_eq!(types.rows[0].answers[6], Answer::constant(7));
        assert_eq!(types.rows[0].answers[7], Answer::NONE);
    }

    #[test]
    fn ds_is_left_to_the_authority_whatever_the_other_types_answer() {
        let mut types = Types::default();
        for own in [&[][..], &[(43, 5)]] {
            assert_eq!(types.other(&others(0, own).without_ds()), Other::Row(0));
        }
        assert_eq!((types.rows[0].types[0], types.rows[0].answers[0]), (43, Answer::NONE));
    }
}
