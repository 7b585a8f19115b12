//! The harness of the test tiers.

pub mod geoip;
