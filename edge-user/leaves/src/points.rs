//! Answers per server and user country, estimated from the counts of decks.
//!
//! These are the pool's "server points", without a log of answers. The caller enters how many
//! answers each deck gave, and which servers the deck held at that time.
//!
//! The card that an answer takes is chance, so that a count is an expectation: a server in a part p
//! of the cards was in n·p of n answers, give or take √(n·p·(1-p)). From some 40,000 answers of a
//! server on, that is half a per cent; each number comes with its error. Sums over servers have no
//! error: each answer holds as many servers as the cards of its deck do.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::float::float;
use crate::text_table::{Align, columns, country, percent, row};

/// The servers of a deck, and the part of its cards that each is in. It is valid for the [`Points`]
/// that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    /// Indices of servers, and the part of the cards that each is in, from 0 to 1.
    parts: Vec<(usize, f64)>,
}

/// How many answers servers have been in, by user country: 16 octets for each server and country at
/// most. Servers that are gone stay.
#[derive(Clone, Debug, Default)]
pub struct Points {
    indices: BTreeMap<IpAddr, usize>,
    countries: BTreeMap<String, CountryRow>,
}

#[derive(Clone, Debug, Default)]
struct CountryRow {
    answers: u64,
    /// By server.
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    answers: f64,
    variance: f64,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.variance += other.variance;
    }
}

/// Answers per server: the first of those that have the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PointsReport {
    /// Answers in all countries.
    pub answers: u64,
    /// Servers that have been in any.
    pub servers: usize,
    /// Those that have been in most answers, the most first.
    pub top: Vec<ServerPoints>,
}

/// One server's answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerPoints {
    /// Its address.
    pub ip: IpAddr,
    /// Answers that it has been in.
    pub answers: f64,
    /// Its error: one standard deviation, in answers.
    pub sigma: f64,
    /// Its part of all answers, from 0 to 1. An answer of four servers counts for each of the four.
    pub share: f64,
    /// By user country, the most first.
    pub countries: Vec<CountryPoints>,
}

/// One server's answers to one country.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountryPoints {
    /// The users' country.
    pub country: String,
    /// Answers that the server has been in.
    pub answers: f64,
    /// By how much that may be off: one standard deviation, in answers.
    pub sigma: f64,
    /// Its part of the country's answers in ten thousandths, as the pool shows it.
    pub points: f64,
}

impl Points {
    /// The composition of a deck of so many `cards`, from its servers and the number of cards that
    /// each is in. A larger number counts as `cards`. Called once per deal.
    pub fn composition(
        &mut self,
        cards: u32,
        servers: impl IntoIterator<Item = (IpAddr, u32)>,
    ) -> Composition {
        let parts = servers.into_iter().filter(|&(_, in_cards)| in_cards > 0 && cards > 0);
        let parts = parts.map(|(ip, in_cards)| {
            let next = self.indices.len();
            let index = *self.indices.entry(ip).or_insert(next);
            (index, f64::from(in_cards.min(cards)) / f64::from(cards))
        });
        Composition { parts: parts.collect() }
    }

    /// Adds answers that a country's users got from a deck of this composition.
    pub fn add(&mut self, country: &str, answers: u64, deck: &Composition) {
        if answers == 0 {
            return;
        }
        if !self.countries.contains_key(country) {
            self.countries.insert(country.to_owned(), CountryRow::default());
        }
        let Some(row) = self.countries.get_mut(country) else {
            return;
        };
        row.answers = row.answers.saturating_add(answers);
        let answers = float(answers);
        for &(index, part) in &deck.parts {
            if index >= row.cells.len() {
                row.cells.resize(self.indices.len().max(index + 1), Cell::default());
            }
            if let Some(cell) = row.cells.get_mut(index) {
                let mean = answers * part;
                cell.add(Cell { answers: mean, variance: mean * (1.0 - part) });
            }
        }
    }

    /// The `k` servers that have been in most answers.
    #[must_use]
    pub fn report(&self, k: usize) -> PointsReport {
        let mut sums: Vec<(IpAddr, usize, f64)> = self
            .indices
            .iter()
            .map(|(&ip, &index)| (ip, index, self.sum(index).answers))
            .filter(|&(_, _, answers)| answers > 0.0)
            .collect();
        sums.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        let answers = self.total();
        let top = sums.iter().take(k).map(|&(ip, index, _)| self.points(ip, index, answers));
        PointsReport { answers, servers: sums.len(), top: top.collect() }
    }

    /// Each server, and in how many answers it has been.
    pub fn sums(&self) -> impl Iterator<Item = (IpAddr, f64)> {
        self.indices.iter().map(|(&ip, &index)| (ip, self.sum(index).answers))
    }

    fn total(&self) -> u64 {
        self.countries.values().fold(0, |sum, row| sum.saturating_add(row.answers))
    }

    fn sum(&self, index: usize) -> Cell {
        let mut sum = Cell::default();
        for cell in self.countries.values().filter_map(|row| row.cells.get(index)) {
            sum.add(*cell);
        }
        sum
    }

    fn points(&self, ip: IpAddr, index: usize, total: u64) -> ServerPoints {
        let rows = self.countries.iter().filter_map(|(country, row)| {
            let cell = row.cells.get(index).filter(|cell| cell.answers > 0.0)?;
            Some(CountryPoints {
                country: country.clone(),
                answers: cell.answers,
                sigma: cell.variance.sqrt(),
                points: part(cell.answers, row.answers) * 10_000.0,
            })
        });
        let mut countries: Vec<CountryPoints> = rows.collect();
        countries.sort_by(|a, b| b.answers.total_cmp(&a.answers));
        let Cell { answers, variance } = self.sum(index);
        let share = part(answers, total);
        ServerPoints { ip, answers, sigma: variance.sqrt(), share, countries }
    }
}

impl PointsReport {
    /// As a table: each server, with the five countries where it has most.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = vec![row(["server", "answers", "+-", "share", "countries (points)"])];
        table.extend(self.top.iter().map(|server| {
            let countries = server.countries.iter().take(5);
            let countries =
                countries.map(|of| format!("{} {:.0}", country(&of.country), of.points));
            vec![
                server.ip.to_string(),
                format!("{:.0}", server.answers),
                format!("{:.0}", server.sigma),
                percent(server.share),
                countries.collect::<Vec<_>>().join(", "),
            ]
        }));
        format!(
            "{} answers, {} servers\n\n{}",
            self.answers,
            self.servers,
            columns(&table, Align::FirstLeft)
        )
    }
}

fn part(answers: f64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { answers / float(all) }
}

#[cfg(test)]
mod tests;
