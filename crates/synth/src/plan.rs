//! Which clips a set has, and how one of them comes to be.

use crate::bird::Bird;
use crate::dog::Dog;
use crate::draw::{Purpose, amplitude, between, draws, white};
use crate::neither::Neither;
use crate::place::Place;
use crate::track::{Track, peak, rms};
use rand::Rng;
use std::fmt;

/// The shortest and the longest clip, in seconds.
pub const SECONDS: [f32; 2] = [1.0, 6.0];
/// The quietest and the loudest peak of a clip, in decibels below full scale (negative).
pub const PEAK_DBFS: [f32; 2] = [-30.0, -1.0];
/// The fewest and the most clips of a whole group; the last group of a set may be cut short.
pub const GROUP_CLIPS: [usize; 2] = [1, 4];

/// The label of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Barks, howls, whines, growls.
    Dog,
    /// Songs, coos, calls.
    Bird,
    /// Machines, speech, weather, insects.
    Neither,
}

impl Label {
    /// Every label with its share of a set.
    pub const SHARES: [(Label, f64); 3] = [(Label::Dog, 0.4), (Label::Bird, 0.4), (Label::Neither, 0.2)];

    /// The name of the class and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dog => "dog",
            Self::Bird => "bird",
            Self::Neither => "neither",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One clip that has a name and a seed but no sound yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the clip belongs, `/`-separated: `dog/dog-0001.wav`.
    pub path: String,
    /// What it will hold.
    pub label: Label,
    /// The animal and the session, `dog-session-012`: clips of a group share voice, place and microphone.
    pub group: String,
    seed: u64,
    group_index: u64,
    clip_index: u64,
}

/// One rendered clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// As in [`Plan::path`].
    pub path: String,
    /// `dog`, `bird` or `neither`.
    pub label: String,
    /// As in [`Plan::group`].
    pub group: String,
    /// Samples a second.
    pub rate_hz: u32,
    /// Mono samples, none beyond plus or minus one.
    pub samples: Vec<f32>,
}

/// The clips of a set, group after group.
///
/// Each group takes the label that lags furthest behind its share, so any prefix of the list is balanced, and a shorter
/// set is a prefix of a longer one with the same seed: `plan(n, seed) == plan(m, seed)[..n]` for `n <= m`.
#[tracing::instrument(level = "debug")]
pub fn plan(n_clips: usize, seed: u64) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::with_capacity(n_clips);
    let (mut n_of_label, mut n_groups_of_label) = ([0usize; 3], [0usize; 3]);
    for group_index in 0.. {
        if plans.len() >= n_clips {
            break;
        }
        let which = most_behind(&n_of_label);
        let label = Label::SHARES[which].0;
        n_groups_of_label[which] += 1;
        let [fewest, most] = GROUP_CLIPS;
        let size = draws(seed, Purpose::Group, group_index).random_range(fewest..=most);
        for _ in 0..size.min(n_clips - plans.len()) {
            n_of_label[which] += 1;
            plans.push(Plan {
                path: format!("{label}/{label}-{:04}.wav", n_of_label[which]),
                label,
                group: format!("{label}-session-{:03}", n_groups_of_label[which]),
                seed,
                group_index,
                clip_index: plans.len() as u64,
            });
        }
    }
    plans
}

/// The label with the smallest part of its share, the first of several.
fn most_behind(n_of_label: &[usize; 3]) -> usize {
    let filled = |which: usize| n_of_label[which] as f64 / Label::SHARES[which].1;
    (1..3).fold(0, |least, which| if filled(which) < filled(least) { which } else { least })
}

impl Plan {
    /// Makes the sound. The same plan always gives the same samples, whatever else is rendered and in what order.
    pub fn render(&self) -> Item {
        // What the label must not show in is drawn before the label is looked at.
        let place = Place::draw(&mut draws(self.seed, Purpose::Place, self.group_index));
        let rng = &mut draws(self.seed, Purpose::Clip, self.clip_index);
        let noise = &mut draws(self.seed, Purpose::Noise, self.clip_index);
        let rate_hz = place.microphone.rate_hz;
        let n_samples = (between(SECONDS[0], SECONDS[1], rng) * rate_hz as f32) as usize;
        let peak_to_be = amplitude(between(PEAK_DBFS[0], PEAK_DBFS[1], rng));
        let background_below_db = place.background_below_db + between(-3.0, 3.0, rng);

        let mut sound = Track::new(n_samples, rate_hz);
        let voice = &mut draws(self.seed, Purpose::Voice, self.group_index);
        let band_hz = place.microphone.band_hz();
        match self.label {
            Label::Dog => Dog::draw(voice).add_to(&mut sound, rng),
            Label::Bird => Bird::draw(band_hz, voice).add_to(&mut sound, rng),
            Label::Neither => Neither::draw(band_hz, voice).add_to(&mut sound, rng),
        }
        place.room.echo(&mut sound.samples, rate_hz, &mut draws(self.seed, Purpose::Room, self.group_index));
        place.microphone.hear(&mut sound.samples);
        let mut ground = Track::new(n_samples, rate_hz);
        place.background.add_to(&mut ground, noise);
        place.microphone.hear(&mut ground.samples);

        let loudest = peak(&sound.samples).max(1e-6);
        let ground_gain = loudest * amplitude(-background_below_db) / rms(&ground.samples).max(1e-9);
        // Triangular noise has a root mean square of 1 / sqrt(6).
        let hiss_gain = loudest * amplitude(-place.hiss_below_db) * 6f32.sqrt();
        let mut samples = sound.samples;
        for (sample, ground) in samples.iter_mut().zip(&ground.samples) {
            *sample += ground_gain * ground + hiss_gain * white(noise);
        }
        scale_to_peak(&mut samples, 1.0);
        place.microphone.bend(&mut samples);
        scale_to_peak(&mut samples, peak_to_be);
        let Self { path, label, group, .. } = self.clone();
        Item { path, label: label.to_string(), group, rate_hz, samples }
    }
}

fn scale_to_peak(samples: &mut [f32], to: f32) {
    let factor = to / peak(samples).max(1e-9);
    samples.iter_mut().for_each(|sample| *sample *= factor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_clip_of_any_voice_is_not_silent() {
        for index in 0..150 {
            let place = Place::draw(&mut draws(0, Purpose::Place, index));
            let rate_hz = place.microphone.rate_hz;
            let band_hz = place.microphone.band_hz();
            for label in [Label::Dog, Label::Bird, Label::Neither] {
                let mut track = Track::new((SECONDS[0] * rate_hz as f32) as usize, rate_hz);
                let voice = &mut draws(0, Purpose::Voice, index);
                let rng = &mut draws(0, Purpose::Clip, index);
                match label {
                    Label::Dog => Dog::draw(voice).add_to(&mut track, rng),
                    Label::Bird => Bird::draw(band_hz, voice).add_to(&mut track, rng),
                    Label::Neither => Neither::draw(band_hz, voice).add_to(&mut track, rng),
                }
                let before = rms(&track.samples);
                place.microphone.hear(&mut track.samples);
                let after = rms(&track.samples);
                assert!(before > 1e-3, "{label} {index} makes a sound: {before}");
                assert!(label != Label::Bird || after > 0.1 * before, "bird {index} is heard: {before} to {after}");
            }
        }
    }

    #[test]
    fn the_label_furthest_behind_comes_next() {
        assert_eq!(most_behind(&[0, 0, 0]), 0);
        assert_eq!(most_behind(&[4, 0, 0]), 1);
        assert_eq!(most_behind(&[4, 4, 1]), 2);
        assert_eq!(most_behind(&[4, 4, 2]), 0);
    }
}
