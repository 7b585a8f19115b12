//! What is wrong with what came comes in, place by place; what is wrong now, and what of it is new, goes out.
//!
//! A place that goes on saying the same wrong thing is news once.

use std::collections::BTreeMap;

use edge_feed::guard::Refusal;

/// What the place of a trouble with what was kept begins with.
const PAST: &str = "kept: ";

/// What is wrong with the last word of each place.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    now: BTreeMap<String, Trouble>,
    news: Vec<String>,
}

#[derive(Debug)]
struct Trouble {
    /// What kind it is: numbers in the text may change with each word, such as ages.
    kind: &'static str,
    text: String,
}

impl Troubles {
    /// What is wrong now, a line each.
    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        self.now.values().map(|trouble| &trouble.text)
    }

    /// What of it is new since this was last asked, a line each.
    pub(super) fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// What a place has said isn't taken.
    pub(super) fn refuse(&mut self, place: &str, refusal: &Refusal) {
        let text = refusal.to_string();
        if self.note(place.to_owned(), refusal.name(), text.clone()) {
            self.news.push(format!("{text}; what was served before still is"));
        }
    }

    /// Some of what a place has said isn't taken.
    pub(super) fn skip(&mut self, place: &'static str, text: String) {
        if self.note(place.to_owned(), place, text.clone()) {
            self.news.push(text);
        }
    }

    /// What is wrong with what was kept; it has been told already.
    pub(super) fn blame_past(&mut self, text: String) {
        self.note(format!("{PAST}{text}"), PAST, text);
    }

    /// What is wrong with a setting, until the next start.
    pub(super) fn blame(&mut self, text: String) {
        self.note(text.clone(), "setting", text);
    }

    /// All is well with a place.
    pub(super) fn forgive(&mut self, place: &str) {
        self.now.remove(place);
    }

    /// What was kept has been replaced.
    pub(super) fn forgive_past(&mut self) {
        self.now.retain(|_, trouble| trouble.kind != PAST);
    }

    /// Says whether the place had no such trouble before.
    fn note(&mut self, place: String, kind: &'static str, text: String) -> bool {
        let before = self.now.insert(place, Trouble { kind, text });
        before.is_none_or(|before| before.kind != kind)
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Troubles};

    fn stale(seconds: i64) -> Refusal {
        Refusal::Stale { place: "a".to_owned(), seconds, most: 60 }
    }

    #[test]
    fn what_stays_wrong_is_news_once_also_where_others_are_wrong_between() {
        let mut troubles = Troubles::default();
        for seconds in 100..104 {
            troubles.refuse("a", &stale(seconds));
            troubles.refuse("b", &Refusal::Unsigned { place: "b".to_owned() });
        }
        let news = troubles.news();
        assert_eq!(news.len(), 2, "{news:?}");
        assert!(news[0].starts_with("a: 100 s old") && news[0].ends_with("before still is"));
        assert!(troubles.lines().next().unwrap().starts_with("a: 103 s old"));
        troubles.refuse("a", &Refusal::Unsigned { place: "a".to_owned() });
        assert_eq!(troubles.news().len(), 1, "something else is wrong with it");
        troubles.forgive("a");
        assert_eq!(troubles.lines().count(), 1);
        troubles.refuse("a", &stale(100));
        assert_eq!(troubles.news().len(), 1, "it was well between");
    }

    #[test]
    fn what_was_kept_and_what_is_configured_is_told_by_others() {
        let mut troubles = Troubles::default();
        troubles.blame_past("a file".to_owned());
        troubles.blame("a key".to_owned());
        assert!(troubles.news().is_empty());
        assert_eq!(troubles.lines().count(), 2);
        troubles.forgive_past();
        assert_eq!(troubles.lines().collect::<Vec<_>>(), ["a key"]);
        troubles.skip("changes", "change 7: no".to_owned());
        troubles.skip("changes", "change 8: no".to_owned());
        assert_eq!(troubles.news(), ["change 7: no"]);
    }
}
