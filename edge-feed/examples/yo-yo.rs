//! Makes `docs/policy-yo-yo.svg` and prints the numbers of docs/policy.md.
//!
//! `cargo run -p edge-feed --example yo-yo`
#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use edge_feed::ZonePolicy;
use edge_feed::simulate::yo_yo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let before = yo_yo::replay(ZonePolicy::default())?;
    let after = yo_yo::replay(yo_yo::policy())?;
    println!("as the pool: {before}\nramp, hysteresis, back-fill: {after}");
    for (what, policy) in yo_yo::each_option() {
        println!("{what}: {}", yo_yo::replay(policy)?);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-yo-yo.svg");
    std::fs::write(path, yo_yo::draw(&before, &after)?)?;
    Ok(())
}
