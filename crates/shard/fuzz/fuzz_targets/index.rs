//! Any bytes as an `index.json`: refused, or read as something that writes and reads back the same.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use shard::Index;

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("index.json");
    if let Ok(index) = Index::from_bytes(bytes, name) {
        let again = index.to_bytes().expect("what was read can be written");
        assert_eq!(Index::from_bytes(&again, name).expect("what was written can be read"), index);
    }
});
