//! Empty: lets edge-user's build script name this crate as a build dependency.
#![no_std]
