//! CutMix: a stretch of time of one clip in place of another's, and the label's share that goes with it.

use crate::mixup::{mix, mixup_lambda};
use crate::seed::{Step, generator};
use rand::Rng;
use std::ops::Range;

/// How two clips of a batch are mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mixing {
    /// Not at all.
    None,
    /// All cells blended, see [`mix`](crate::mix).
    Mixup,
    /// Some frames replaced, see [`cut_mix`].
    CutMix,
}

/// Which of the two happens to a clip: the one that is on, or either with the same probability where both are.
pub fn mixing(mixup_alpha: f32, cutmix_alpha: f32, seed: u64) -> Mixing {
    match (mixup_alpha > 0.0, cutmix_alpha > 0.0) {
        (false, false) => Mixing::None,
        (true, false) => Mixing::Mixup,
        (false, true) => Mixing::CutMix,
        (true, true) if generator(seed, Step::Mixing).random() => Mixing::Mixup,
        (true, true) => Mixing::CutMix,
    }
}

/// Replaces about `1 - lambda` of the frames of `a`, in one piece at a drawn place, by those of `b`, and returns the
/// share of the frames, and so of the label, that `a` keeps (S. Yun and others, "CutMix: regularization strategy to
/// train strong classifiers with localizable features", 2019; here all bands of a stretch of time, since a sound is
/// an event in time and half a band of it is none).
///
/// # Shapes
/// Both `[n_mels, n_frames]`.
///
/// # Panics
/// When the two lengths differ or are no multiple of `n_frames`.
pub fn cut_mix(a: &mut [f32], b: &[f32], n_frames: usize, lambda: f32, seed: u64) -> f32 {
    assert_eq!(a.len(), b.len(), "cut_mix: both clips must have the same cells");
    assert!(n_frames > 0 && a.len().is_multiple_of(n_frames), "cut_mix: clips must be [n_mels, n_frames]");
    let blend = Blend::CutMix(cut(n_frames, lambda, seed));
    blend.apply(a, b, n_frames);
    blend.kept(n_frames)
}

/// The frames that are replaced.
fn cut(n_frames: usize, lambda: f32, seed: u64) -> Range<usize> {
    let width = (((1.0 - lambda) * n_frames as f32).round() as usize).min(n_frames);
    let start = generator(seed, Step::CutMix).random_range(0..=n_frames - width);
    start..start + width
}

/// How a clip is mixed with another one, as drawn: no cell is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Blend {
    /// Not at all.
    None,
    /// All cells, of which the clip keeps this share.
    Mixup(f32),
    /// These frames are the other's.
    CutMix(Range<usize>),
}

impl Blend {
    /// Draws it, see [`mixing`], [`mixup_lambda`] and [`cut_mix`].
    pub fn of(mixup_alpha: f32, cutmix_alpha: f32, n_frames: usize, seed: u64) -> Self {
        match mixing(mixup_alpha, cutmix_alpha, seed) {
            Mixing::None => Self::None,
            Mixing::Mixup => Self::Mixup(mixup_lambda(mixup_alpha, seed)),
            Mixing::CutMix => Self::CutMix(cut(n_frames, mixup_lambda(cutmix_alpha, seed), seed)),
        }
    }

    /// Does it to `a`, with cells of `b`; both `[n_mels, n_frames]`.
    pub fn apply(&self, a: &mut [f32], b: &[f32], n_frames: usize) {
        match self {
            Self::None => {}
            Self::Mixup(lambda) => mix(a, b, *lambda),
            Self::CutMix(frames) => {
                for (a, b) in a.chunks_exact_mut(n_frames).zip(b.chunks_exact(n_frames)) {
                    a[frames.clone()].copy_from_slice(&b[frames.clone()]);
                }
            }
        }
    }

    /// The share of its label that the clip keeps.
    pub fn kept(&self, n_frames: usize) -> f32 {
        match self {
            Self::None => 1.0,
            Self::Mixup(lambda) => *lambda,
            Self::CutMix(frames) => 1.0 - frames.len() as f32 / n_frames as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_frames() {
        let mut starts = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let lambda = 0.5 + (seed as f32) / 400.0;
            let mut a = vec![1.0; 3 * 40];
            let kept = cut_mix(&mut a, &[2.0; 120], 40, lambda, seed);
            assert!((kept - lambda).abs() <= 0.5 / 40.0 + 1e-6);
            for band in a.chunks(40) {
                assert_eq!(band, &a[..40]);
                assert_eq!(band.iter().filter(|x| **x == 1.0).count(), (kept * 40.0).round() as usize);
                assert!(band.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 2, "in one piece");
            }
            starts.insert(a[..40].iter().position(|x| *x == 2.0));
        }
        assert!(starts.len() > 20);
    }

    #[test]
    fn either_where_both_are_on() {
        assert_eq!(mixing(0.0, 0.0, 1), Mixing::None);
        assert_eq!(mixing(0.2, 0.0, 1), Mixing::Mixup);
        assert_eq!(mixing(0.0, 0.2, 1), Mixing::CutMix);
        let n = (0..1000).filter(|seed| mixing(0.2, 0.2, *seed) == Mixing::Mixup).count();
        assert!((400..600).contains(&n), "{n}");
    }
}
