//! Any bytes as a pack of the cache: no entry, or entries whose payloads lie inside those bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let entries = shard::cache::entries(bytes);
    assert!(entries.iter().map(|(key, payload)| key.len() + payload.len()).sum::<usize>() <= bytes.len());
});
