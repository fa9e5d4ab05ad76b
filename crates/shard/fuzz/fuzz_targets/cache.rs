//! Any bytes as a cache entry: absent, or a payload that is the end of those bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(payload) = shard::cache::unpack(bytes) {
        assert!(bytes.ends_with(payload));
    }
});
