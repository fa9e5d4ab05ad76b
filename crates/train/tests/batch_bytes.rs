//! The bytes of batches, as they have always been: whatever assembles them, a training on the CPU stays as it was.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
// Mixup and noise take logarithms, which are another C library's elsewhere.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use augment::{SpectrogramAugment, Unknown};
use shard::{ClipRecord, Header, Provenance, SPECTROGRAM, Spectrograms};
use train::{Assembler, Data, Exposure, TrainConfig, epoch_turns};

fn data() -> Data {
    let (n_clips, n_mels, n_frames) = (23, 13, 37);
    let clip = |i: usize| ClipRecord {
        id: format!("{i}"),
        path: format!("{i}.wav"),
        group: None,
        source_sha256: String::new(),
        start_s: 0.0,
        channel: None,
        seconds: 1.0,
        view: 0,
        steps: vec![],
    };
    let provenance = Provenance {
        stage: "test".into(),
        version: "0".into(),
        configuration: serde_json::json!({}),
        seed: 0,
        inputs: Default::default(),
    };
    let spectrograms = Spectrograms {
        header: Header {
            schema: SPECTROGRAM.into(),
            front_end: serde_json::json!({}),
            classes: vec!["bird".into(), "dog".into()],
            splits: vec!["train".into(), "ood-val".into()],
            clips: (0..n_clips).map(clip).collect(),
            provenance,
        },
        n_mels,
        n_frames,
        mel: (0..n_clips * n_mels * n_frames).map(|i| -40.0 + ((i * 7919) % 100_003) as f32 / 2500.0).collect(),
        frames: vec![n_frames as u32; n_clips],
        label: (0..n_clips).map(|i| (i % 2) as u32).collect(),
        split: (0..n_clips).map(|i| u8::from(i >= 17)).collect(),
    };
    Data::from_spectrograms(spectrograms, "train", "none").unwrap().with_unknowns("ood-val").unwrap()
}

/// All steps.
fn everything() -> SpectrogramAugment {
    SpectrogramAugment {
        time_warp_share: 0.2,
        frequency_shift_share: 0.3,
        gate_share: 0.5,
        band_dropout_share: 0.2,
        filter_curve_db: 6.0,
        cutmix_alpha: 0.4,
        frequency_mask_bands: 4,
        ..SpectrogramAugment::strong()
    }
}

fn sha256_of(augment: SpectrogramAugment, made: &[Unknown]) -> String {
    let data = data();
    let exposure = Exposure { split: "ood-val".into(), made: made.to_vec(), ..Exposure::default() };
    let config = TrainConfig { augment, exposure, batch_size: 5, seed: 3, ..TrainConfig::default() };
    let assembler = Assembler { data: &data, config: &config, normalization: &data.normalization, unit_per_db: 0.23 };
    let mut bytes = Vec::new();
    for epoch in 1..=3 {
        let turns = epoch_turns(&data.strata(), &config, epoch);
        for turns in turns.chunks(5) {
            let batch = assembler.assemble(turns, epoch, &mut Vec::new()).unwrap();
            batch.mel.iter().chain(&batch.targets).for_each(|value| bytes.extend(value.to_le_bytes()));
            batch.rows.iter().for_each(|row| bytes.extend((*row as u32).to_le_bytes()));
        }
    }
    shard::sha256_hex(&bytes)[..16].to_owned()
}

#[test]
fn batches_have_the_bytes_that_they_had() {
    let all = Unknown::ALL;
    let of = [
        sha256_of(SpectrogramAugment::off(), &[]),
        sha256_of(SpectrogramAugment::light(), &all),
        sha256_of(SpectrogramAugment::strong(), &all),
        sha256_of(everything(), &all),
    ];
    assert_eq!(of, ["2d3380516b69793a", "76c1f61aa32d1327", "b16e971b9208cb29", "344619da9ba7a7c9"]);
}
