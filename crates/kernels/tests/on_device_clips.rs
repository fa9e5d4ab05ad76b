//! Batches of clips in a device's memory: with the feature `cuda-emulated` the kernels' own source against the twin, bit for bit.
//! Whether the twin does what the crate `augment` does is tested where batches are made, in `crates/train/src/resident.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::Device;
use common::{flat, values};
use kernels::on_device::{Body, ClipMix, ClipNoise, ClipSteps, ClipStore, Source};
use std::ops::Range;

const N_ROWS: usize = 6;

/// One mask.
fn mask(range: Range<usize>) -> Vec<Range<usize>> {
    std::iter::once(range).collect()
}

fn store(body: Body, [n_mels, n_frames]: [usize; 2]) -> ClipStore {
    let [fill, mean] = [1, 2].map(|seed| values(n_mels, seed));
    let std: Vec<f32> = values(n_mels, 3).iter().map(|value| 1.5 + value).collect();
    let sizes = [N_ROWS, n_mels, n_frames];
    let store = ClipStore::new(body, sizes, [&fill, &mean, &std], &Device::Cpu).unwrap();
    let cells: Vec<f32> = values(N_ROWS * n_mels * n_frames, 4).iter().map(|value| 20.0 * value - 30.0).collect();
    let (first, rest) = cells.split_at(2 * n_mels * n_frames);
    store.put(2, rest).unwrap();
    store.put(0, first).unwrap();
    store
}

/// The first `n` of all steps and sources, drawn by `seed`.
fn clip(seed: u64, n: usize, [n_mels, n_frames]: [usize; 2]) -> ClipSteps {
    let mut drawn = values(64, seed).into_iter().map(|value| f64::from(value + 1.0) / 2.0);
    let mut below = |n: usize| ((drawn.next().unwrap() * n as f64) as usize).min(n.saturating_sub(1));
    let patch = [(n_mels / 4).max(1), (n_frames / 8).max(1)];
    let n_patches = (n_mels / patch[0] * (n_frames / patch[1])) as u32;
    let source = match seed % 4 {
        0 => Source::Row(below(N_ROWS) as u32),
        1 => Source::Mixture(below(N_ROWS) as u32, below(N_ROWS) as u32),
        2 => Source::Inverted(below(N_ROWS) as u32),
        _ => Source::Shuffled { row: below(N_ROWS) as u32, patch, order: (0..n_patches).rev().collect() },
    };
    let mut range = |n: usize| -> Range<usize> {
        let (a, b) = (below(n + 1), below(n + 1));
        a.min(b)..a.max(b)
    };
    let kept = range(n_frames - 1);
    let mut clip = ClipSteps { source, ..ClipSteps::of_row(0) };
    let (time_masks, frequency_masks) = (vec![range(n_frames), range(n_frames)], vec![range(n_mels)]);
    let (cut, up) = (range(n_frames), range(n_mels - 1));
    let middle = n_frames as f32 / 2.0;
    let noise = ClipNoise {
        below_db: 20.0 + below(20) as f32,
        tilt_db: 7.0,
        unit_per_db: 0.25,
        unit_per_e: 1.1,
        key: std::array::from_fn(|word| (seed as u32 + 1) * (word as u32 + 77) * 0x9e37_79b9),
        stream: 3,
        word: 3 + seed as u32 % 30,
    };
    let steps: [&dyn Fn(&mut ClipSteps); 11] = [
        &|clip| clip.roll = n_frames / 3,
        &|clip| clip.time_masks = time_masks.clone(),
        &|clip| clip.frequency_masks = frequency_masks.clone(),
        &|clip| clip.color = Some([1.25, -2.5]),
        &|clip| clip.mix = if seed.is_multiple_of(2) { ClipMix::All(0.8) } else { ClipMix::Frames(cut.clone()) },
        &|clip| clip.noise = Some(noise.clone()),
        &|clip| clip.cutoff = Some(n_mels / 2),
        &|clip| clip.excerpt = Some(kept.start..kept.end + 1),
        &|clip| (clip.gate, clip.curve) = (Some([12.0, 31.0]), values(n_mels, 9)),
        &|clip| clip.up = if seed.is_multiple_of(2) { up.end as isize } else { -(up.end as isize) },
        &|clip| {
            clip.dropped = (0..n_mels).map(|band| (band as u64 + seed).is_multiple_of(5)).collect();
            clip.warp = (n_frames > 4).then_some([middle, middle + 0.7]);
        },
    ];
    steps.iter().take(n).for_each(|step| step(&mut clip));
    clip
}

fn batches(body: Body) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for sizes in [[13, 37], [40, 50], [2, 2], [1, 9], [7, 3]] {
        let store = store(body, sizes);
        for n in 0..=11 {
            let clips: Vec<ClipSteps> = (0..5).map(|nth| clip(sizes[0] as u64 + nth, n, sizes)).collect();
            all.push(flat(&store.batch(&clips, 3).unwrap()));
        }
    }
    all
}

#[test]
fn rows_are_gathered_normalized_and_mixed() {
    let store = ClipStore::new(Body::Twin, [3, 2, 2], [&[9.0, 8.0], &[1.0, 0.0], &[2.0, 4.0]], &Device::Cpu).unwrap();
    store.put(0, &(0..12).map(|cell| cell as f32).collect::<Vec<_>>()).unwrap();
    let masked = ClipSteps { frequency_masks: mask(0..1), ..ClipSteps::of_row(2) };
    let mixed = ClipSteps { mix: ClipMix::All(0.75), ..ClipSteps::of_row(0) };
    let cut = ClipSteps { mix: ClipMix::Frames(1..2), ..ClipSteps::of_row(1) };
    let batch = flat(&store.batch(&[mixed, cut, masked], 2).unwrap());
    assert_eq!(batch[8..], [4.0, 4.0, 2.5, 2.75]);
    let plain = [[-0.5, 0.0, 0.5, 0.75], [1.5, 2.0, 1.5, 1.75]];
    let expected: Vec<f32> = (0..4).map(|i| 0.75 * plain[0][i] + 0.25 * plain[1][i]).collect();
    assert_eq!(batch[..4], expected);
    assert_eq!(batch[4..8], [1.5, 0.0, 1.5, 0.75]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let store = store(Body::Twin, [5, 12]);
    let base = || ClipSteps::of_row(0);
    assert!(store.batch(&[base()], 1).is_ok());
    let order = vec![0; 3];
    for wrong in [
        ClipSteps::of_row(N_ROWS as u32),
        ClipSteps { source: Source::Mixture(0, 6), ..base() },
        ClipSteps { source: Source::Shuffled { row: 0, patch: [1, 1], order }, ..base() },
        ClipSteps { excerpt: Some(3..3), ..base() },
        ClipSteps { roll: 12, ..base() },
        ClipSteps { up: -5, ..base() },
        ClipSteps { curve: vec![0.0; 4], ..base() },
        ClipSteps { cutoff: Some(6), ..base() },
        ClipSteps { time_masks: mask(0..13), ..base() },
        ClipSteps { frequency_masks: mask(0..6), ..base() },
        ClipSteps { mix: ClipMix::Frames(0..13), ..base() },
    ] {
        assert!(store.batch(std::slice::from_ref(&wrong), 1).is_err(), "{wrong:?}");
    }
    assert!(store.batch(&[], 0).is_err() && store.batch(&[base()], 2).is_err());
    assert!(ClipStore::new(Body::Twin, [1, 2, 0], [&[0.0; 2]; 3], &Device::Cpu).is_err());
    assert!(ClipStore::new(Body::Twin, [1, 2, 3], [&[0.0; 1]; 3], &Device::Cpu).is_err());
}

#[test]
fn every_step_changes_something() {
    let all = batches(Body::Twin);
    assert!(all.iter().flatten().all(|cell| cell.is_finite()));
    for of_size in all.chunks(12).take(2) {
        // Masks of no width and the like may change nothing for one draw, not for all five.
        assert!(of_size.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

#[cfg(feature = "cuda-emulated")]
#[test]
fn the_kernels_compute_what_the_twin_does() {
    let bits = |all: Vec<Vec<f32>>| -> Vec<Vec<u32>> {
        all.into_iter().map(|batch| batch.into_iter().map(f32::to_bits).collect()).collect()
    };
    let twin = bits(batches(Body::Twin));
    for kernel in [batches(Body::Kernel), kernels::on_device::last_first(|| batches(Body::Kernel))] {
        for (nth, (kernel, twin)) in bits(kernel).iter().zip(&twin).enumerate() {
            assert!(kernel == twin, "batch {nth}");
        }
    }
}
