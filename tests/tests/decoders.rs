//! Every decoder with any bytes, and with recorded ones that are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use zablab_tests::decoders::ALL;

/// Bytes of a recording that are used: what matters stands at the beginning.
const RECORDED_MAX: usize = 4096;

/// All recorded files.
fn recordings() -> Vec<Vec<u8>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("the vectors are there");
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.expect("it can be listed").path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else {
                let mut bytes = fs::read(&path).expect("it can be read");
                bytes.truncate(RECORDED_MAX);
                found.push(bytes);
            }
        }
    }
    found
}

fn feed_all(bytes: &[u8]) {
    for (_, decode) in ALL {
        decode(bytes);
    }
}

#[test]
fn recorded_bytes_are_taken_or_refused() {
    let recordings = recordings();
    assert!(recordings.len() > 20, "the vectors are there");
    for bytes in recordings {
        feed_all(&bytes);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        feed_all(&bytes);
    }

    /// Small numbers are lengths and kinds that exist.
    #[test]
    fn no_small_bytes_panic(bytes in proptest::collection::vec(0_u8..16, 0..200)) {
        feed_all(&bytes);
    }
}

#[test]
fn damaged_recordings_are_taken_or_refused() {
    let recordings = recordings();
    let mut prng = zablab_core::prng::Prng::new(1);
    for _ in 0..3000 {
        let mut bytes = recordings[prng.below(recordings.len() as u64) as usize].clone();
        for _ in 0..1 + prng.below(4) {
            if bytes.is_empty() {
                break;
            }
            let at = prng.below(bytes.len() as u64) as usize;
            match prng.below(3) {
                0 => bytes[at] ^= 1 << prng.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][prng.below(5) as usize],
                _ => bytes.truncate(at),
            }
        }
        feed_all(&bytes);
    }
}
