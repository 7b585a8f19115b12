//! The harness of the test tiers.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a harness fails loudly")]

pub mod frames;
pub mod geoip;
pub mod netns;
pub mod node;
