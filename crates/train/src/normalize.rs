//! The normalization of the training clips.

use crate::Result;
use crate::example::Example;
use crate::seeds::{Purpose, generator};
use classifier::{BandSums, Normalization};
use rand::Rng;
use rayon::prelude::*;
use shard::Clips;

/// Bytes on disk up to which every training clip is read.
const MOST_BYTES: u64 = 4_000_000_000;

/// Clips that stand for more than that: one of each of so many equal stretches of the training clips.
const SAMPLED: usize = 4096;

/// Clips that are in memory at a time.
const AT_ONCE: usize = 64;

/// Mean and deviation of each band over the training clips, or over a sample of them where these are many. The sample depends on
/// the clips alone, not on the seed of a run.
///
/// # Errors
/// A shard that cannot be read, or no frame with sound.
pub(crate) fn normalization(spectrograms: &Clips, train: &[Example]) -> Result<Normalization> {
    let is_small = train.len() as u64 * spectrograms.clip_bytes() as u64 <= MOST_BYTES;
    let sample = if is_small { None } else { Some(sample(train, SAMPLED.min(train.len()))) };
    let (n_cells, examples) = (spectrograms.n_cells(), sample.as_deref().unwrap_or(train));
    let mut sums = BandSums::new(spectrograms.n_mels, spectrograms.n_frames);
    let mut cells = vec![0.0; AT_ONCE.min(examples.len()) * n_cells];
    for examples in examples.chunks(AT_ONCE) {
        let clips = cells.par_chunks_exact_mut(n_cells).zip(examples);
        clips.try_for_each(|(cells, example)| spectrograms.read(example.row as usize, cells))?;
        // One after the other: equal clips give equal bytes on any number of threads.
        for (cells, example) in cells.chunks_exact(n_cells).zip(examples) {
            sums.add(cells, spectrograms.frames[example.row as usize] as usize);
        }
    }
    Ok(Normalization::fit(&sums)?)
}

/// One of each of `n` equal stretches of `all`, which has `n` at least.
fn sample(all: &[Example], n: usize) -> Vec<Example> {
    let mut random = generator(0, Purpose::Normalization, 0, 0);
    (0..n).map(|i| all[random.random_range(i * all.len() / n..(i + 1) * all.len() / n)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_one_clip_of_each_stretch() {
        let all: Vec<Example> = (0..1000).map(|row| Example { row, class: 0 }).collect();
        let chosen = sample(&all, 30);
        assert_eq!(chosen, sample(&all, 30));
        for (i, example) in chosen.iter().enumerate() {
            assert!((i * 1000 / 30..(i + 1) * 1000 / 30).contains(&(example.row as usize)), "{i}: {example:?}");
        }
    }
}
