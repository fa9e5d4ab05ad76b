//! What birds whistle: phrases of a syllable and its repeats.

use crate::draw::{Draws, around, between, chance, log_between, one_of};
use crate::syllable::Syllable;
use crate::track::Track;
use rand::Rng;

/// A syllable, repeated.
#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    syllable: Syllable,
    most_repeats: usize,
    gap_s: f32,
    /// The factor on the pitch from one repeat to the next.
    drift: f32,
}

/// What a syllable is like.
#[derive(Clone, Copy)]
enum Kind {
    Sweep,
    Arch,
    Whistle,
    Trill,
    Warble,
    Buzz,
    Chirp,
}

const KINDS: [Kind; 7] = [Kind::Sweep, Kind::Arch, Kind::Whistle, Kind::Trill, Kind::Warble, Kind::Buzz, Kind::Chirp];

impl Phrase {
    /// A phrase around `center_hz` whose pitch stays below `highest_hz`.
    pub(crate) fn draw(center_hz: f32, highest_hz: f32, rng: &mut Draws) -> Self {
        let kind = one_of(&KINDS, rng);
        let hz = (center_hz * log_between(0.75, 1.35, rng)).min(highest_hz);
        let mut syllable = kind.syllable(hz, rng);
        syllable.pitch_hz.iter_mut().for_each(|p| *p = p.clamp(700.0, highest_hz));
        let second = if chance(0.85, rng) { between(0.0, 0.2, rng) } else { between(0.2, 0.7, rng) };
        syllable.harmonics = [1.0, second, second * between(0.1, 0.7, rng), second * between(0.0, 0.4, rng)];
        let (most_repeats, gap_s) = kind.repeats(rng);
        Self { syllable, most_repeats, gap_s, drift: around(1.0, 0.03, rng) }
    }

    /// Adds the phrase at `t_s`; returns when it ends.
    pub(crate) fn sing(&self, mut t_s: f32, track: &mut Track, rng: &mut Draws) -> f32 {
        let rate_hz = track.rate_hz;
        let n = rng.random_range(self.most_repeats.div_ceil(2)..=self.most_repeats);
        let mut transpose = around(1.0, 0.03, rng);
        let gain = between(0.4, 1.0, rng);
        for _ in 0..n {
            let place = track.place(t_s, self.syllable.seconds);
            self.syllable.add_to(place, rate_hz, transpose, around(gain, 0.15, rng));
            t_s += self.syllable.seconds + self.gap_s;
            transpose = (transpose * self.drift).clamp(0.8, 1.1);
        }
        t_s
    }
}

impl Kind {
    fn syllable(self, hz: f32, rng: &mut Draws) -> Syllable {
        match self {
            Self::Sweep => {
                let width = between(1.15, 1.9, rng);
                let ends = if chance(0.6, rng) { [hz * width, hz / width] } else { [hz / width, hz * width] };
                let bend = ends[0] + (ends[1] - ends[0]) * between(0.3, 0.8, rng);
                Syllable::plain(between(0.04, 0.25, rng), vec![ends[0], bend, ends[1]])
            }
            Self::Arch => {
                let (rise, fall) = (between(0.55, 0.9, rng), between(0.5, 0.9, rng));
                let turned = chance(0.3, rng);
                let at = |factor: f32| if turned { hz / factor } else { hz * factor };
                Syllable::plain(between(0.05, 0.3, rng), vec![at(rise), at(1.0), at(1.05), at(fall)])
            }
            Self::Whistle => {
                let glide = between(0.85, 1.15, rng);
                let mut syllable =
                    Syllable::plain(between(0.2, 0.9, rng), vec![hz, hz * between(0.97, 1.03, rng), hz * glide]);
                (syllable.attack, syllable.release) = (0.1, 0.15);
                syllable
            }
            Self::Trill => Syllable::plain(between(0.02, 0.06, rng), vec![hz * between(1.05, 1.5, rng), hz]),
            Self::Warble => {
                let seconds = between(0.3, 1.2, rng);
                let n_points = (seconds * between(8.0, 22.0, rng)) as usize + 3;
                let pitch_hz = (0..n_points).map(|_| hz * between(0.65, 1.4, rng)).collect();
                let mut syllable = Syllable::plain(seconds, pitch_hz);
                (syllable.beat_hz, syllable.beat_depth) = (between(6.0, 16.0, rng), between(0.2, 0.95, rng));
                (syllable.attack, syllable.release) = (0.05, 0.1);
                syllable
            }
            Self::Buzz => {
                let mut syllable = Syllable::plain(between(0.1, 0.6, rng), vec![hz, hz * between(0.85, 1.15, rng)]);
                (syllable.swing_hz, syllable.swing_depth) = (between(40.0, 160.0, rng), between(0.03, 0.12, rng));
                (syllable.beat_hz, syllable.beat_depth) = (syllable.swing_hz, between(0.3, 0.9, rng));
                syllable
            }
            Self::Chirp => {
                let pitch_hz = vec![hz * between(0.6, 1.0, rng), hz * 1.2, hz * between(0.5, 1.0, rng), hz * 0.8];
                let mut syllable = Syllable::plain(between(0.03, 0.1, rng), pitch_hz);
                syllable.attack = 0.1;
                syllable
            }
        }
    }

    /// The most repeats in a phrase, and the pause between two.
    fn repeats(self, rng: &mut Draws) -> (usize, f32) {
        match self {
            Self::Sweep | Self::Arch => (rng.random_range(1..=8), between(0.03, 0.25, rng)),
            Self::Whistle => (rng.random_range(1..=3), between(0.05, 0.3, rng)),
            Self::Trill => (rng.random_range(8..=30), between(0.015, 0.06, rng)),
            Self::Warble => (1, 0.0),
            Self::Buzz => (rng.random_range(1..=4), between(0.05, 0.3, rng)),
            Self::Chirp => (rng.random_range(1..=12), between(0.05, 0.3, rng)),
        }
    }
}

/// One syllable of a dove's or an owl's call around `hz`.
pub(crate) fn coo(hz: f32, rng: &mut Draws) -> Syllable {
    let top = hz * around(1.0, 0.12, rng);
    let mut syllable =
        Syllable::plain(between(0.2, 0.9, rng), vec![top * 0.88, top, top, top * between(0.85, 1.0, rng)]);
    syllable.harmonics = [1.0, between(0.0, 0.12, rng), between(0.0, 0.04, rng), 0.0];
    (syllable.beat_hz, syllable.beat_depth) =
        if chance(0.3, rng) { (between(18.0, 30.0, rng), between(0.3, 0.8, rng)) } else { (0.0, 0.0) };
    syllable
}
