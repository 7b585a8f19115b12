//! The harness of the test tiers.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a harness fails loudly"
)]

#[cfg(feature = "harness")]
pub mod cases;
#[cfg(feature = "harness")]
pub mod chi;
#[cfg(feature = "harness")]
pub mod controls;
#[cfg(feature = "harness")]
pub mod engine;
#[cfg(feature = "harness")]
pub mod fixture;
#[cfg(feature = "harness")]
pub mod fleet;
#[cfg(feature = "harness")]
pub mod frames;
#[cfg(feature = "harness")]
pub mod geoip;
#[cfg(feature = "harness")]
pub mod grammar;
#[cfg(feature = "harness")]
pub mod kernel;
#[cfg(feature = "harness")]
pub mod message;
#[cfg(feature = "harness")]
pub mod mutate;
pub mod netns;
#[cfg(feature = "harness")]
pub mod node;
#[cfg(feature = "harness")]
pub mod oracle;
#[cfg(feature = "harness")]
pub mod paused;
#[cfg(feature = "harness")]
pub mod pool;
#[cfg(feature = "harness")]
pub mod reader;
#[cfg(feature = "harness")]
pub mod served;
#[cfg(feature = "harness")]
pub mod space;
#[cfg(feature = "harness")]
pub mod stage;
#[cfg(feature = "harness")]
pub mod threads;
#[cfg(feature = "harness")]
pub mod time;
#[cfg(feature = "harness")]
pub mod versions;
#[cfg(feature = "harness")]
pub mod volunteers;
