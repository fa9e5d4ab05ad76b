//! Any bytes as a `spectrogram/1` shard: refused, or read as something that writes and reads back the same.
//!
//! `cargo +nightly fuzz run spectrograms` in the folder above.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use shard::{MelDtype, Spectrograms};

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("shard-00000.safetensors");
    if let Ok(clips) = Spectrograms::from_bytes(bytes, name) {
        let again = clips.to_bytes(MelDtype::F32).expect("what was read can be written");
        assert_eq!(Spectrograms::from_bytes(&again, name).expect("what was written can be read"), clips);
    }
});
