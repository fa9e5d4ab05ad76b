//! Writes a folder of spectrograms under a lock, and reads it again.
//!
//!     cargo run --example folder -p shard

use shard::{ClipRecord, MelDtype, Provenance, SpectrogramWriter, lock_folder, read_spectrograms};
use std::collections::BTreeMap;

fn main() -> Result<(), shard::Error> {
    let dir = std::env::temp_dir().join(format!("barkbird-shard-example-{}", std::process::id()));
    let lock = lock_folder(&dir)?;
    let provenance = Provenance {
        stage: "example".into(),
        version: "0".into(),
        configuration: serde_json::json!({}),
        seed: 0,
        inputs: BTreeMap::new(),
    };
    let (classes, splits) = (vec!["dog".into()], vec!["train".into()]);
    let mut writer =
        SpectrogramWriter::create(&dir, serde_json::json!({}), classes, splits, provenance, MelDtype::F32)?;
    let clip = ClipRecord {
        id: "a.wav@0".into(),
        path: "a.wav".into(),
        group: None,
        source_sha256: String::new(),
        start_s: 0.0,
        channel: None,
        seconds: 1.0,
        view: 0,
        steps: Vec::new(),
    };
    writer.push(clip, &[-80.0, -3.5, 0.0, -80.0, -12.0, -80.0], 2, 3, 3, 0, 0)?; // [M = 2, T = 3]
    writer.finish(Vec::new())?;
    let clips = read_spectrograms(&dir)?;
    assert_eq!((clips.n_clips(), clips.clip(0)[1]), (1, -3.5));
    drop(lock);
    let _ = std::fs::remove_dir_all(&dir);
    Ok(())
}
