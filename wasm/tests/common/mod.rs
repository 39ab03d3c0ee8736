//! What is the same on every machine: tests that run natively, in Node and in Chromium.

use zablab_sim::script::{parse, trace_hash};

/// Played once with each seed.
const SCRIPT: &str = include_str!("seeds.zls");
/// The hash of all their hashes, in hex digits.
const EXPECTED: &str = include_str!("seeds.hash");
/// How many seeds.
const SEEDS: u64 = 1000;

/// 64-bit FNV-1a over the hashes of the traces, in order.
fn hash_of_all() -> String {
    let script = parse(SCRIPT).expect("the script parses");
    let mut all = 0xcbf2_9ce4_8422_2325_u64;
    for seed in 0..SEEDS {
        let hash = trace_hash(&script, seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for byte in hash.to_le_bytes() {
            all = (all ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{all:016x}")
}

/// Natively, with `REWRITE=1`, it writes the hash anew.
pub fn a_thousand_seeds_give_the_trace_that_is_written_down() {
    let hash = hash_of_all();
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var_os("REWRITE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/seeds.hash");
        std::fs::write(path, format!("{hash}\n")).expect("the file can be written");
        return;
    }
    assert_eq!(
        hash,
        EXPECTED.trim(),
        "if the core changed on purpose: REWRITE=1"
    );
}
