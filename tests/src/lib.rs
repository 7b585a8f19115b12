//! The harness of the test tiers.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a harness fails loudly"
)]

pub mod cases;
pub mod chi;
pub mod controls;
pub mod engine;
pub mod fixture;
pub mod fleet;
pub mod frames;
pub mod geoip;
pub mod grammar;
pub mod kernel;
pub mod message;
pub mod mutate;
pub mod netns;
pub mod node;
pub mod oracle;
pub mod paused;
pub mod pool;
pub mod reader;
pub mod served;
pub mod space;
pub mod stage;
pub mod threads;
pub mod time;
pub mod versions;
pub mod volunteers;
