//! Random draws of a training step: stochastic depth, patchout and dropout, each from the seed of the step only.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The purpose of a generator, so that no two of a step are equal.
fn generator(seed: u64, purpose: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed ^ (purpose + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Purposes below this are halves of layers.
const PATCHES: u64 = 1 << 32;
const DROPOUT: u64 = PATCHES + 1;

/// Stochastic depth: factor of each clip's half of a layer, 0 with probability `share`, otherwise scaled so that the mean is 1.
pub(crate) fn halves_kept(n_clips: usize, share: f64, seed: u64, half: usize) -> Vec<f32> {
    let mut random = generator(seed, half as u64);
    let factor = (1.0 / (1.0 - share)) as f32;
    (0..n_clips).map(|_| if random.random::<f64>() < share { 0.0 } else { factor }).collect()
}

/// Patchout: the remaining patches after some rows and columns are dropped, in order.
pub(crate) fn patches_kept([rows, columns]: [usize; 2], out: [usize; 2], seed: u64) -> Vec<u32> {
    let mut random = generator(seed, PATCHES);
    let mut kept = |n: usize, out: usize| {
        let mut all: Vec<usize> = (0..n).collect();
        all.shuffle(&mut random);
        all.truncate(n - out);
        all.sort_unstable();
        all
    };
    let (rows, of_row) = (kept(rows, out[0]), kept(columns, out[1]));
    rows.iter().flat_map(|row| of_row.iter().map(move |column| (row * columns + column) as u32)).collect()
}

/// A dropout mask: 0 for a share of `n` values, otherwise scaled so that the mean is 1.
pub(crate) fn dropout(n: usize, share: f64, seed: u64) -> Vec<f32> {
    let mut random = generator(seed, DROPOUT);
    let factor = (1.0 / (1.0 - share)) as f32;
    (0..n).map(|_| if random.random::<f64>() < share { 0.0 } else { factor }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_what_was_asked_for() {
        let kept = patches_kept([4, 6], [1, 2], 3);
        assert_eq!(kept.len(), 3 * 4);
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(kept, patches_kept([4, 6], [1, 2], 3));
        assert!((0..20).any(|seed| patches_kept([4, 6], [1, 2], seed) != kept));
    }

    #[test]
    fn the_mean_stays() {
        for values in [halves_kept(20_000, 0.3, 1, 5), dropout(20_000, 0.3, 1)] {
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert!((mean - 1.0).abs() < 0.02, "{mean}");
        }
        assert_ne!(halves_kept(50, 0.5, 1, 0), halves_kept(50, 0.5, 1, 1));
    }
}
