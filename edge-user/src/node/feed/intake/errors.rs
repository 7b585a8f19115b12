//! The feed's present errors by source, and which of them are new.
//!
//! An error that a source repeats is new once.

use std::collections::BTreeMap;

use edge_feed::guard::Refusal;

/// The beginning of the place of an error with the kept state.
const PAST: &str = "kept: ";

/// The errors in the newest data of each place.
#[derive(Debug, Default)]
pub(super) struct FeedErrors {
    now: BTreeMap<String, FeedError>,
    news: Vec<String>,
}

#[derive(Debug)]
struct FeedError {
    /// Its kind: numbers in the text, such as ages, may change each time.
    kind: &'static str,
    text: String,
}

impl FeedErrors {
    /// The errors of now, a line each.
    pub(super) fn lines(&self) -> impl Iterator<Item = &String> {
        self.now.values().map(|error| &error.text)
    }

    /// The errors that are new since the last call, a line each.
    pub(super) fn take_new(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// Notes that what a place has sent isn't taken.
    pub(super) fn refuse(&mut self, place: &str, refusal: &Refusal) {
        let text = refusal.to_string();
        if self.note(place.to_owned(), refusal.name(), text.clone()) {
            self.news.push(format!("{text}; what was served before is still served"));
        }
    }

    /// Notes that some of what a place has sent isn't taken.
    pub(super) fn skip(&mut self, place: &'static str, text: String) {
        if self.note(place.to_owned(), place, text.clone()) {
            self.news.push(text);
        }
    }

    /// Notes an error in the kept state; it has been logged already.
    pub(super) fn record_kept(&mut self, text: String) {
        self.note(format!("{PAST}{text}"), PAST, text);
    }

    /// Notes an error in a setting, until the next start.
    pub(super) fn record(&mut self, text: String) {
        self.note(text.clone(), "setting", text);
    }

    /// Removes the error of a place.
    pub(super) fn clear(&mut self, place: &str) {
        self.now.remove(place);
    }

    /// Removes the errors of the kept state, which has been replaced.
    pub(super) fn clear_kept(&mut self) {
        self.now.retain(|_, error| error.kind != PAST);
    }

    /// Returns whether the place had no such error before.
    fn note(&mut self, place: String, kind: &'static str, text: String) -> bool {
        let before = self.now.insert(place, FeedError { kind, text });
        before.is_none_or(|before| before.kind != kind)
    }
}

#[cfg(test)]
mod tests {
    use super::{FeedErrors, Refusal};

    fn stale(seconds: i64) -> Refusal {
        Refusal::Stale { place: "a".to_owned(), seconds, most: 60 }
    }

    #[test]
    fn what_stays_wrong_is_news_once_also_where_others_are_wrong_between() {
        let mut errors = FeedErrors::default();
        for seconds in 100..104 {
            errors.refuse("a", &stale(seconds));
            errors.refuse("b", &Refusal::Unsigned { place: "b".to_owned() });
        }
        let news = errors.take_new();
        assert_eq!(news.len(), 2, "{news:?}");
        assert!(news[0].starts_with("a: 100 s old") && news[0].ends_with("before is still served"));
        assert!(errors.lines().next().unwrap().starts_with("a: 103 s old"));
        errors.refuse("a", &Refusal::Unsigned { place: "a".to_owned() });
        assert_eq!(errors.take_new().len(), 1, "something else is wrong with it");
        errors.clear("a");
        assert_eq!(errors.lines().count(), 1);
        errors.refuse("a", &stale(100));
        assert_eq!(errors.take_new().len(), 1, "it was well between");
    }

    #[test]
    fn what_was_kept_and_what_is_configured_is_reported_elsewhere() {
        let mut errors = FeedErrors::default();
        errors.record_kept("a file".to_owned());
        errors.record("a key".to_owned());
        assert!(errors.take_new().is_empty());
        assert_eq!(errors.lines().count(), 2);
        errors.clear_kept();
        assert_eq!(errors.lines().collect::<Vec<_>>(), ["a key"]);
        errors.skip("changes", "change 7: no".to_owned());
        errors.skip("changes", "change 8: no".to_owned());
        assert_eq!(errors.take_new(), ["change 7: no"]);
    }
}
