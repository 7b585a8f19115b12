//! Makes `docs/policy-giant.svg` and prints the numbers of docs/policy.md.
//!
//! `cargo run -p edge-feed --example giant`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use edge_feed::simulate::giant::{self, DWARF, GIANT};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut simulations = Vec::new();
    for (what, policy) in giant::each_option() {
        let simulation = giant::replay(policy)?;
        let percent = |id| 100.0 * giant::share(&simulation, id);
        println!("{what}: {:.1} %, the smallest {:.3} %", percent(GIANT), percent(DWARF));
        println!("{simulation}");
        simulations.push(simulation);
    }
    if let [before, cap, ..] = &simulations[..] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-giant.svg");
        std::fs::write(path, giant::draw(before, cap)?)?;
    }
    Ok(())
}
