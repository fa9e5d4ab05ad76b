//! Writes a folder of made spectrograms of any size, with the front end of another folder, to measure training with
//! (`scripts/bench-scale-training.sh`).
//!
//!     cargo run --release -p shard --example make_shards -- LIKE OUT GB [CLASSES]
//!
//! A clip is noise of 6 dB around a floor, which compresses as badly as a recording's, and a tone that rises or falls at a
//! rate and a band of its class. Clips are sorted by class, as `features` writes the clips of folders. The first clips of each
//! class are those of the split `val`. Equal arguments give equal bytes.
#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::PathBuf;

use shard::{ClipRecord, Clips, MelDtype, Provenance, SpectrogramWriter, read_index};

/// Clips of a recording, which is a group.
const PER_RECORDING: usize = 8;
/// Clips of the split `val`, of all classes.
const VALIDATION: usize = 512;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "arguments: LIKE OUT GB [CLASSES]";
    let mut arguments = std::env::args().skip(1);
    let (like, out) = (arguments.next().ok_or(usage)?, PathBuf::from(arguments.next().ok_or(usage)?));
    let gb: f64 = arguments.next().ok_or(usage)?.parse()?;
    let n_classes: usize = arguments.next().map_or(Ok(10), |classes| classes.parse())?;
    let front_end = read_index(like.as_ref())?.front_end;
    let Clips { n_mels, n_frames, .. } = Clips::open(like.as_ref())?;

    let n_clips = ((gb * 1e9 / (4 * n_mels * n_frames) as f64) as usize).max(n_classes * PER_RECORDING * 4);
    let n_val = (VALIDATION / n_classes).next_multiple_of(PER_RECORDING);
    let classes: Vec<String> = (0..n_classes).map(|class| format!("class-{class:02}")).collect();
    let provenance = Provenance {
        stage: "made".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({"gb": gb, "classes": n_classes}),
        seed: 0,
        inputs: std::collections::BTreeMap::new(),
    };
    let splits = vec!["train".to_owned(), "val".to_owned()];
    let mut writer = SpectrogramWriter::create(&out, front_end, classes, splits, provenance, MelDtype::F32)?;
    let mut cells = vec![0.0; n_mels * n_frames];
    for class in 0..n_classes {
        for nth in 0..(class + 1) * n_clips / n_classes - class * n_clips / n_classes {
            let recording = nth / PER_RECORDING;
            let path = format!("class-{class:02}/recording-{recording:07}.wav");
            fill(&mut cells, n_frames, (class, n_classes), nth as u64);
            let clip = ClipRecord {
                id: format!("{path}@{}", nth % PER_RECORDING * 5),
                group: Some(format!("class-{class:02}/{recording}")),
                source_sha256: shard::sha256_hex(path.as_bytes()),
                path,
                start_s: (nth % PER_RECORDING * 5) as f64,
                channel: None,
                seconds: 5.0,
                view: 0,
                steps: vec!["made".into()],
            };
            writer.push(clip, &cells, n_mels, n_frames, n_frames as u32, class as u32, u8::from(nth < n_val))?;
        }
    }
    let index = writer.finish(Vec::new())?;
    println!("{}: {} clips [{n_mels}, {n_frames}] in {} shards", out.display(), index.n_clips, index.shards.len());
    Ok(())
}

/// A clip of a class: noise, and a tone.
fn fill(cells: &mut [f32], n_frames: usize, (class, n_classes): (usize, usize), nth: u64) {
    let mut state = (class as u64) << 40 ^ nth ^ 0x9e37_79b9_7f4a_7c15;
    let mut random = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    for pair in cells.chunks_mut(2) {
        // The sum of two uniform numbers each.
        let word = random();
        let part = |shift: u32| f32::from((word >> shift) as u16) / 65536.0;
        let sums = [part(0) + part(16), part(32) + part(48)];
        pair.iter_mut().zip(sums).for_each(|(cell, sum)| *cell = -60.0 + 15.0 * (sum - 1.0));
    }
    let n_mels = cells.len() / n_frames;
    let level = 12.0 + 10.0 * (random() >> 40) as f32 / (1 << 24) as f32;
    let start = (random() % n_frames as u64) as usize;
    let band = (class as f32 + 0.5) / n_classes as f32 * n_mels as f32 * 0.8;
    let rise = if class % 2 == 0 { 0.15 } else { -0.15 };
    for nth in 0..n_frames / 3 {
        let at = (band + rise * nth as f32 + n_mels as f32 * 0.1).clamp(0.0, n_mels as f32 - 1.0) as usize;
        cells[at * n_frames + (start + nth) % n_frames] += level;
    }
}
