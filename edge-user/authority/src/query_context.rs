//! A query with all that its answer needs.

use super::asked::Asked;
use super::message::Query;
use super::options::Options;
use super::serving::{Served, Serving};

/// One query, its zone, who asks, and how the server presents itself.
#[derive(Clone, Copy)]
pub(super) struct QueryContext<'a> {
    pub(super) serving: &'a Serving,
    pub(super) served: &'a Served,
    pub(super) options: &'a Options,
    pub(super) asked: &'a Asked,
    pub(super) query: &'a Query<'a>,
}
