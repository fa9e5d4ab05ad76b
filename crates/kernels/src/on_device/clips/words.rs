//! The table of a batch: what `struct ClipSteps` of `cuda/clips.cu` has, in words of 32 bits, and behind it what differs in length.

use super::{ClipMix, ClipSteps, Source};
use candle_core::{Result, bail};
use std::ops::Range;

/// Words of the struct.
const FIXED: usize = 42;

/// `[B, width]`, and the width.
pub(super) fn table(clips: &[ClipSteps], sizes: [usize; 2]) -> Result<(Vec<u32>, usize)> {
    let rows: Vec<Vec<u32>> = clips.iter().map(|clip| words(clip, sizes)).collect::<Result<_>>()?;
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut table = vec![0; rows.len() * width];
    table.chunks_exact_mut(width).zip(&rows).for_each(|(to, row)| to[..row.len()].copy_from_slice(row));
    Ok((table, width))
}

fn words(clip: &ClipSteps, [n_mels, n_frames]: [usize; 2]) -> Result<Vec<u32>> {
    let mut tail: Vec<u32> = Vec::new();
    // Where these words are; 0 for none.
    let mut behind = |words: Vec<u32>| {
        let at = if words.is_empty() { 0 } else { (FIXED + tail.len()) as u32 };
        tail.extend(words);
        at
    };
    let ends = |ranges: &[Range<usize>]| ranges.iter().flat_map(|r| [r.start as u32, r.end as u32]).collect::<Vec<_>>();
    let (row, other, source, [high, long], order) = match &clip.source {
        Source::Row(row) => (*row, 0, 0, [1, 1], &[][..]),
        Source::Mixture(row, other) => (*row, *other, 1, [1, 1], &[][..]),
        Source::Inverted(row) => (*row, 0, 2, [1, 1], &[][..]),
        Source::Shuffled { row, patch, order } => (*row, 0, 3, *patch, &order[..]),
    };
    let excerpt = clip.excerpt.clone().unwrap_or(0..n_frames);
    let is_there = [clip.warp.is_some(), clip.color.is_some(), clip.gate.is_some(), clip.noise.is_some()];
    let steps = is_there.iter().enumerate().fold(0, |all, (nth, there)| all | u32::from(*there) << nth);
    let mut words = vec![row, other, source, high as u32, long as u32, behind(order.to_vec())];
    words.extend([excerpt.start as u32, excerpt.len() as u32, steps]);
    words.extend(clip.warp.unwrap_or_default().map(f32::to_bits));
    words.extend([clip.roll as u32, clip.up as i32 as u32]);
    words.extend(clip.color.unwrap_or_default().map(f32::to_bits));
    words.push(behind(clip.curve.iter().map(|offset| offset.to_bits()).collect()));
    words.extend(clip.gate.unwrap_or_default().map(f32::to_bits));
    match &clip.noise {
        Some(noise) => {
            let levels = [noise.below_db, noise.tilt_db, noise.unit_per_db, noise.unit_per_e];
            words.extend(levels.map(f32::to_bits));
            words.extend(noise.key);
            words.extend([noise.stream, noise.word]);
        }
        None => words.extend([0; 14]),
    }
    let dropped = clip
        .dropped
        .chunks(32)
        .map(|bands| bands.iter().enumerate().fold(0, |word, (nth, dropped)| word | u32::from(*dropped) << nth));
    words.extend([clip.cutoff.unwrap_or(n_mels) as u32, behind(dropped.collect())]);
    for masks in [&clip.time_masks, &clip.frequency_masks] {
        words.extend([masks.len() as u32, behind(ends(masks))]);
    }
    words.extend(match &clip.mix {
        ClipMix::None => [0; 4],
        ClipMix::All(share) => [1, share.to_bits(), 0, 0],
        ClipMix::Frames(cut) => [2, 0, cut.start as u32, cut.end as u32],
    });
    if words.len() != FIXED {
        bail!("clips: {} words of a clip, which are {FIXED}", words.len());
    }
    words.extend(tail);
    Ok(words)
}
