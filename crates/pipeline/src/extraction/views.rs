//! Augmented views of a recording's clips: waveform steps between the cut and the front end.

use super::mixing::MixConfig;
use super::partners::Partner;
use super::plan::{Plan, Planned};
use crate::error::{Context, Result, bail};
use crate::inputs;
use crate::job::Job;
use audio_io::{ChannelPolicy, Clip, ClipConfig, Level, Placement, Windowing, finish};
use augment::seed_for;
use augment::waveform::{WaveformAugment, augment_waveform, mix_clips};
use inference::{Chain, ClipSpectrogram, FrontEnd, reason};
use std::path::Path;

/// Changes whenever the same settings give other views, so that no cache entry of an earlier version is used.
const CODE_SCHEMA: u32 = 2;

/// Which clips get views, and how these are made.
pub(crate) struct Views {
    /// Views of each clip.
    pub n_views: u32,
    /// Numbers of the splits whose clips get them.
    pub splits: Vec<u8>,
    /// All that decides what a view of a clip is, for the cache.
    pub made_by: String,
    config: WaveformAugment,
    mix: MixConfig,
    backgrounds: Backgrounds,
    seed: u64,
}

/// A sound that is mixed into a view, and its name.
pub(crate) type Mixed = (Vec<f32>, String);

/// Recordings to mix in, all at one rate.
#[derive(Default)]
pub(crate) struct Backgrounds {
    /// `[n]` each.
    pub sounds: Vec<Vec<f32>>,
    /// SHA-256 of each file, in the same order.
    pub sha256: Vec<String>,
}

impl Backgrounds {
    /// All recordings below a folder, by name, as they are but for channels and rate. What can't be used is reported
    /// and left out.
    pub(crate) fn read(folder: &Path, sample_rate_hz: u32, job: &Job<'_>) -> Result<Self> {
        let window = Windowing { placement: Placement::Whole, ..Windowing::default() };
        let config = ClipConfig {
            sample_rate_hz,
            channels: ChannelPolicy::Mix,
            level: Level::None,
            window,
            ..ClipConfig::default()
        };
        let mut all = Self::default();
        let inputs::Collected { inputs, skipped } = inputs::collect(&[folder.to_owned()], None, &job.cancel)?;
        for s in &skipped {
            job.warn(format!("background left out: {}: {}", s.path, s.reason));
        }
        for input in inputs {
            job.check("nothing was written")?;
            let path = &input.path;
            let read = || -> Result<(Vec<f32>, String)> {
                let bytes = audio_io::read_file(path)?;
                let decoded = audio_io::decode_bytes(&bytes, path)?;
                let clip = audio_io::clips(&decoded, None, None, None, &config)?.into_iter().next();
                let clip = clip.with_context(|| format!("{}: holds no sound", path.display()))?;
                if clip.is_silent() {
                    bail!("{}: is silent", path.display());
                }
                Ok((clip.samples, shard::sha256_hex(&bytes)))
            };
            match read() {
                Ok((sound, sha256)) => {
                    all.sounds.push(sound);
                    all.sha256.push(sha256);
                }
                Err(error) => job.warn(format!("background left out: {}: {}", path.display(), reason(&error, path))),
            }
        }
        if all.sounds.is_empty() {
            bail!("{}: none of its recordings can be used as a background; the reasons are above", folder.display());
        }
        Ok(all)
    }
}

impl Views {
    /// `n_views` views of the clips of `splits`.
    pub(crate) fn new(
        n_views: u32,
        splits: Vec<u8>,
        config: WaveformAugment,
        mix: MixConfig,
        backgrounds: Backgrounds,
        seed: u64,
    ) -> Result<Self> {
        let settings = serde_json::to_string(&(&config, &mix))?;
        let made_by = format!("views {CODE_SCHEMA} {n_views} {seed} {settings} {}", backgrounds.sha256.join(" "));
        Ok(Self { n_views, splits, made_by, config, mix, backgrounds, seed })
    }

    /// What is mixed into each view of a row.
    pub(crate) fn partners(&self, plan: &Plan, planned: &Planned, source_sha256: &str) -> Vec<Option<Partner>> {
        Partner::of_views(plan, planned, source_sha256, (self.n_views, self.seed), &self.mix)
    }

    /// Every clip of one recording as a spectrogram, and after it those of its views, which are made of the clips before a
    /// noise floor was added.
    pub(crate) fn spectrograms(
        &self,
        chain: &Chain,
        front_end: &FrontEnd,
        (clips, bare): (&[Clip], &[Clip]),
        source_sha256: &str,
        others: &[Option<Mixed>],
    ) -> Result<Vec<ClipSpectrogram>> {
        let mut scratch = front_end.scratch();
        let mut out = Vec::new();
        for (clip, bare) in clips.iter().zip(bare) {
            let own = Chain::spectrogram(front_end, &mut scratch, clip)?;
            let silent = own.silence.is_some();
            out.push(own);
            if silent {
                continue;
            }
            // A clip is known by what it is, not by its name: a copy has the same views.
            let known_by = format!("{} {:?}", clip.start_s, clip.channel);
            let id = number_of(&[source_sha256, &known_by]);
            for (view, other) in (1..).zip(others) {
                let seed = seed_for(self.seed, id, u64::from(view));
                let (mut own, mut said) = (bare.clone(), None);
                if let Some((other, name)) = other {
                    let share = mix_clips(&mut own.samples[..bare.n_real], other, self.mix.alpha, seed);
                    said = (share < 1.0).then(|| format!("mix: {:.2} of {name}", 1.0 - share));
                }
                let (varied, mut steps) = varied(&own, &chain.clip, &self.config, &self.backgrounds.sounds, seed);
                steps.splice(0..0, said);
                let spectrogram = Chain::spectrogram(front_end, &mut scratch, &varied)?;
                out.push(ClipSpectrogram { view, steps, ..spectrogram });
            }
        }
        Ok(out)
    }
}

/// A number for a clip that is known by these words, for its seed.
pub(crate) fn number_of(words: &[&str]) -> u64 {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    shard::cache::key(&words).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A view of a clip that has no noise floor yet, finished as the clip was, and what was done. Padding is no sound: the
/// steps see what comes before it.
pub(crate) fn varied(
    clip: &Clip,
    cut: &ClipConfig,
    config: &WaveformAugment,
    backgrounds: &[Vec<f32>],
    seed: u64,
) -> (Clip, Vec<String>) {
    let length = clip.samples.len();
    let mut samples = clip.samples[..clip.n_real].to_vec();
    let steps = augment_waveform(&mut samples, cut.sample_rate_hz, config, backgrounds, seed);
    samples.truncate(length);
    let n_real = samples.len();
    finish(&mut samples, length, cut);
    (Clip { samples, n_real, ..clip.clone() }, steps)
}
