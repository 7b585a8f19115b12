//! A message: no reply of the authority, or one within the limits.
//!
//! The first two octets choose who asks.
#![no_main]

use std::cell::RefCell;

use edge_tests::served::Served;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SERVED: RefCell<Served> = RefCell::new(Served::new());
}

fuzz_target!(init: edge_fuzz::seed("message"), |input: &[u8]| {
    let [who, how, message @ ..] = input else { return };
    SERVED.with_borrow_mut(|served| drop(served.ask(*who, how % 2 == 1, message)));
});
