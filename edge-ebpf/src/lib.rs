//! Empty, so that edge-user's build script can name this crate as a dependency.
#![no_std]
