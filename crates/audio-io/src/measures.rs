//! What [`check`](crate::check) measures of samples, block by block: the same for blocks of any size.

use sha2::{Digest, Sha256};

use crate::check::{CLIPPED_FROM, CLIPPED_RUN, FileCheck, SILENT_BLOCK_S, SILENT_RMS, hex};
use crate::damage::Damage;
use crate::decoded::Decoded;
use crate::level::peak;
use crate::recording::Recording;

/// What is measured of the samples while they come in.
pub(crate) struct Measures {
    rate_hz: u32,
    n_frames: u64,
    channels: Vec<OfChannel>,
    /// Frames of a block for the silent share, and how many the current one has.
    n_block: usize,
    n_filled: usize,
    n_blocks: u64,
    n_silent: u64,
    threshold: f32,
}

/// What is measured of one channel.
#[derive(Clone)]
struct OfChannel {
    peak: f32,
    energy: f64,
    /// Energy of the current block.
    of_block: f64,
    clipping: Clipping,
    hash: SampleHash,
}

impl Measures {
    pub(crate) fn new(recording: &Recording<'_>) -> Self {
        let (rate_hz, n_channels) = (recording.rate_hz(), recording.n_channels());
        let hash = SampleHash::new(rate_hz, n_channels);
        let channel = OfChannel { peak: 0.0, energy: 0.0, of_block: 0.0, clipping: Clipping::default(), hash };
        Self {
            rate_hz,
            n_frames: 0,
            channels: vec![channel; n_channels],
            n_block: ((f64::from(rate_hz) * SILENT_BLOCK_S).round() as usize).max(1),
            n_filled: 0,
            n_blocks: 0,
            n_silent: 0,
            threshold: CLIPPED_FROM * full_scale(recording.codec(), recording.bits()),
        }
    }

    /// Takes the next block.
    pub(crate) fn take(&mut self, block: &[Vec<f32>]) {
        let n = block.first().map_or(0, Vec::len);
        for (channel, samples) in self.channels.iter_mut().zip(block) {
            channel.peak = channel.peak.max(peak(samples));
            channel.energy = energy_after(channel.energy, samples);
            channel.clipping.take(samples, self.threshold);
            channel.hash.take(samples);
        }
        let mut at = 0;
        while at < n {
            let end = n.min(at + self.n_block - self.n_filled);
            for (channel, samples) in self.channels.iter_mut().zip(block) {
                channel.of_block = energy_after(channel.of_block, &samples[at..end]);
            }
            self.n_filled += end - at;
            at = end;
            if self.n_filled == self.n_block {
                self.end_block();
            }
        }
        self.n_frames += n as u64;
    }

    fn end_block(&mut self) {
        let n = (self.n_filled * self.channels.len()) as f64;
        let sum: f64 = self.channels.iter().map(|channel| channel.of_block).sum();
        self.n_silent += u64::from((sum / n).sqrt() < SILENT_RMS);
        self.n_blocks += 1;
        self.n_filled = 0;
        self.channels.iter_mut().for_each(|channel| channel.of_block = 0.0);
    }

    /// Writes down what was measured; `end` is what is known of the recording, without samples.
    pub(crate) fn finish(mut self, check: &mut FileCheck, end: &Decoded, min_seconds: f64) {
        if self.n_filled > 0 {
            self.end_block();
        }
        let n_samples = (self.n_frames as usize * self.channels.len()).max(1) as f64;
        check.rate_hz = self.rate_hz;
        check.channels = self.channels.len() as u32;
        check.frames = self.n_frames;
        check.seconds = if self.rate_hz == 0 { 0.0 } else { self.n_frames as f64 / f64::from(self.rate_hz) };
        check.peak = self.channels.iter().map(|channel| f64::from(channel.peak)).fold(0.0, f64::max);
        let rms = |channel: &OfChannel| match self.n_frames {
            0 => 0.0,
            n => (channel.energy / n as f64).sqrt(),
        };
        check.rms = (self.channels.iter().map(|channel| rms(channel).powi(2)).sum::<f64>()
            / self.channels.len().max(1) as f64)
            .sqrt();
        check.clipped_share = self.channels.iter().map(|channel| channel.clipping.n).sum::<usize>() as f64 / n_samples;
        check.silent_share = self.n_silent as f64 / self.n_blocks.max(1) as f64;
        check.sha256_samples =
            SampleHash::join(self.rate_hz, self.channels.into_iter().map(|channel| channel.hash).collect());
        check.format.clone_from(&end.format);
        check.codec.clone_from(&end.codec);
        check.bits = end.bits;
        check.damage.clone_from(&end.damage);
        check.notes.clone_from(&end.notes);
        let fatal = end.damage.iter().find(|damage| damage.is_fatal()).map(Damage::to_string);
        check.reason = fatal.or_else(|| {
            (check.seconds < min_seconds)
                .then(|| format!("too short: {:.3} s, at least {min_seconds} s are needed", check.seconds))
        });
        check.usable = check.reason.is_none();
    }
}

/// The greatest sample that the codec can hold.
fn full_scale(codec: &str, bits: Option<u32>) -> f32 {
    match (codec, bits) {
        ("alaw", _) => 32256.0 / 32768.0,
        ("mulaw", _) => 32124.0 / 32768.0,
        // Full scale is one step lower above zero than below.
        (_, Some(bits @ 2..=24)) => 1.0 - 2.0 / (1u32 << bits) as f32,
        _ => 1.0,
    }
}

/// Samples in runs of one sign at full scale.
#[derive(Debug, Clone, Default)]
struct Clipping {
    n: usize,
    run: usize,
    sign: f32,
}

impl Clipping {
    fn take(&mut self, samples: &[f32], threshold: f32) {
        for &sample in samples {
            if sample.abs() < threshold {
                self.run = 0;
                continue;
            }
            self.run = if self.run > 0 && sample.signum() == self.sign { self.run + 1 } else { 1 };
            self.sign = sample.signum();
            self.n += match self.run.cmp(&CLIPPED_RUN) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => CLIPPED_RUN,
                std::cmp::Ordering::Greater => 1,
            };
        }
    }
}

/// The sum of squares so far, in the order of the samples: the same for blocks of any size.
fn energy_after(so_far: f64, samples: &[f32]) -> f64 {
    samples.iter().fold(so_far, |sum, &sample| sum + f64::from(sample) * f64::from(sample))
}

/// SHA-256 of the samples of one channel.
#[derive(Clone)]
struct SampleHash(Sha256);

impl SampleHash {
    fn new(rate_hz: u32, n_channels: usize) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(rate_hz.to_le_bytes());
        hasher.update((n_channels as u32).to_le_bytes());
        Self(hasher)
    }

    fn take(&mut self, samples: &[f32]) {
        let mut block = [0u8; 16384];
        for chunk in samples.chunks(block.len() / 4) {
            for (bytes, sample) in block.chunks_exact_mut(4).zip(chunk) {
                // Both zeros are the same sound.
                bytes.copy_from_slice(&(sample + 0.0).to_le_bytes());
            }
            self.0.update(&block[..4 * chunk.len()]);
        }
    }

    /// The hash of all channels: a single channel's own, else that of the channels' hashes, which can be computed side by side.
    fn join(rate_hz: u32, channels: Vec<Self>) -> String {
        let n_channels = channels.len();
        let mut digests = channels.into_iter().map(|channel| channel.0.finalize());
        match (n_channels, digests.next()) {
            (1, Some(digest)) => hex(digest.as_slice()),
            (_, first) => {
                let mut all = Self::new(rate_hz, n_channels);
                first.into_iter().chain(digests).for_each(|digest| all.0.update(digest));
                hex(all.0.finalize().as_slice())
            }
        }
    }
}

/// [`hash_samples`] while the samples come in.
pub struct SampleHasher {
    rate_hz: u32,
    channels: Vec<SampleHash>,
}

impl SampleHasher {
    /// Of a recording with that rate and number of channels.
    pub fn new(rate_hz: u32, n_channels: usize) -> Self {
        Self { rate_hz, channels: vec![SampleHash::new(rate_hz, n_channels); n_channels] }
    }

    /// Takes the frames of a block from number `from` on.
    pub fn take(&mut self, block: &[Vec<f32>], from: usize) {
        let samples = block.iter().map(|samples| samples.get(from..).unwrap_or_default());
        self.channels.iter_mut().zip(samples).for_each(|(hash, samples)| hash.take(samples));
    }

    /// The hash.
    pub fn finish(self) -> String {
        SampleHash::join(self.rate_hz, self.channels)
    }
}

/// SHA-256 over rate, number of channels, and the samples as 32-bit floats, little-endian; of several channels, over the hashes
/// of each.
pub fn hash_samples(decoded: &Decoded) -> String {
    let mut hasher = SampleHasher::new(decoded.rate_hz, decoded.channels.len());
    hasher.take(&decoded.channels, 0);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn decoded(channels: Vec<Vec<f32>>) -> Decoded {
        Decoded { rate_hz: 1000, channels, ..Decoded::default() }
    }

    fn n_clipped(samples: &[f32], threshold: f32) -> usize {
        let mut clipping = Clipping::default();
        samples.chunks(2).for_each(|block| clipping.take(block, threshold));
        clipping.n
    }

    /// The check of a 16-bit WAV file, in blocks of `n` frames.
    fn measured(samples: &[i16], n_channels: u16, n: usize) -> FileCheck {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
        wav.extend_from_slice(&n_channels.to_le_bytes());
        wav.extend_from_slice(&1000u32.to_le_bytes());
        wav.extend_from_slice(&(2000 * u32::from(n_channels)).to_le_bytes());
        wav.extend_from_slice(&(2 * n_channels).to_le_bytes());
        wav.extend_from_slice(b"\x10\0data");
        wav.extend_from_slice(&(data.len() as u32).to_le_bytes());
        wav.extend_from_slice(&data);
        let mut recording = Recording::of_bytes(&wav, Path::new("a.wav")).unwrap();
        let (mut measures, mut check) = (Measures::new(&recording), FileCheck::default());
        let mut block = Vec::new();
        while recording.next_block(n, &mut block).unwrap() > 0 {
            measures.take(&block);
            block.iter_mut().for_each(Vec::clear);
        }
        measures.finish(&mut check, &recording.finish(), 0.0);
        check
    }

    #[test]
    fn clipping_is_runs_of_one_sign_at_full_scale() {
        assert_eq!(n_clipped(&[1.0, 0.0, 1.0, 1.0, 0.0], 0.99), 0);
        assert_eq!(n_clipped(&[1.0, 1.0, 1.0, 1.0, 0.0], 0.99), 4);
        assert_eq!(n_clipped(&[1.0, 1.0, -1.0, -1.0, -1.0], 0.99), 3);
    }

    #[test]
    fn full_scale_is_that_of_the_codec() {
        assert_eq!(measured(&[32767; 10], 1, 3).clipped_share, 1.0);
        assert!(full_scale("pcm_u8", Some(8)) * CLIPPED_FROM <= 127.0 / 128.0);
    }

    #[test]
    fn blocks_of_any_size_measure_the_same() {
        // Half of full scale on the left for 40 frames of 100.
        let samples: Vec<i16> = (0..100).flat_map(|i| [if i < 40 { 16384 } else { 0 }, 0]).collect();
        let check = measured(&samples, 2, 100);
        assert_eq!(check.silent_share, 0.6);
        assert!((check.rms - (0.2f64 * 0.25).sqrt()).abs() < 1e-9);
        let noise: Vec<i16> = (0..5000i32).map(|i| (i * i * 7919 % 60_001 - 30_000) as i16).collect();
        for n_channels in [1, 2] {
            let whole = measured(&noise, n_channels, 10_000);
            assert!(whole.rms > 0.1 && whole.peak > 0.9);
            for n in [1, 7, 19, 64] {
                assert_eq!(measured(&noise, n_channels, n), whole);
            }
            let planes: Vec<Vec<f32>> = (0..usize::from(n_channels))
                .map(|c| {
                    noise.iter().skip(c).step_by(usize::from(n_channels)).map(|&s| f32::from(s) / 32768.0).collect()
                })
                .collect();
            assert_eq!(whole.sha256_samples, hash_samples(&decoded(planes)));
        }
    }

    #[test]
    fn the_sample_hash_sees_rate_channels_and_samples_and_nothing_else() {
        let base = decoded(vec![vec![0.25, 0.0], vec![0.5, 0.5]]);
        let same = Decoded { format: "flac".into(), bits: None, ..base.clone() };
        assert_eq!(hash_samples(&base), hash_samples(&same));
        let minus_zero = decoded(vec![vec![0.25, -0.0], vec![0.5, 0.5]]);
        assert_eq!(hash_samples(&base), hash_samples(&minus_zero));
        let others = [
            Decoded { rate_hz: 2000, ..base.clone() },
            decoded(vec![vec![0.25, 0.0, 0.5, 0.5]]),
            decoded(vec![vec![0.25, 0.1], vec![0.5, 0.5]]),
        ];
        assert!(others.iter().all(|other| hash_samples(other) != hash_samples(&base)));
    }
}
