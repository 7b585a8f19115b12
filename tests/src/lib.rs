//! The harness of the test tiers.
