//! The way from zones to the contents of the BPF maps.
//!
//! `compile` makes names, answers and undealt decks of a zone. `deal` deals a deck. `publish`
//! writes all of it into `store` by generation, in runs of entries that `extents` gives out. `live`
//! writes what belongs to no generation and may change while the node runs. `answer_counts` keeps
//! the answers that the counters of the maps have counted.
//!
//! - [`answer_counts`]: answers by deck and client country, as points and as counts by zone
//! - [`backend_error`]: why the kernel refused
//! - [`compile`]: what a zone answers, by name, client class and type
//! - [`deal`]: cards of records, each record in its exact share
//! - [`extents`]: free runs of entries in a table that many share
//! - [`jiffies`]: the kernel's tick
//! - [`live`]: control words that change while the node runs: limits, switches, cookies
//! - [`prefixes`]: rules by client prefix
//! - [`publish`]: the publisher, which replaces one generation by the next
//! - [`samples`]: frames that XDP sampled
//! - [`store`]: the memory of the tables, mapped from BPF maps or not
//!
//! It may use `edge-common`, `edge-leaves` and `edge-zone`. It knows no sockets and no aya.
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod answer_counts;
pub mod backend_error;
pub mod compile;
pub mod deal;
pub mod extents;
pub mod jiffies;
pub mod live;
pub mod prefixes;
pub mod publish;
pub mod samples;
pub mod store;
