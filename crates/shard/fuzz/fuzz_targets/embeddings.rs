//! Any bytes as an `embedding/1` shard: refused, or read as something that writes and reads back the same.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use shard::Embeddings;

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("shard-00000.safetensors");
    if let Ok(clips) = Embeddings::from_bytes(bytes, name) {
        let again = clips.to_bytes().expect("what was read can be written");
        assert_eq!(Embeddings::from_bytes(&again, name).expect("what was written can be read"), clips);
    }
});
