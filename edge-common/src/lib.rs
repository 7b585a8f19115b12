//! Wire formats, decisions and map layouts that the XDP program and the authority share.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod abi;
