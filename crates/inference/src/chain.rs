//! From the bytes of a recording to spectrograms: the clip settings of `audio-io` and the front end of `features` (or a model
//! of ONNX) joined, which is what shards and models name as their front end.

use crate::error::{Context, Result, bail};
use crate::front_end::{FrontEnd, Scratch};
use crate::onnx::{OnnxModel, describe};
use audio_io::{
    BLOCK_FRAMES, Clip, ClipConfig, Decoded, Placement, Recording, Row, RowReader, Silence, Until, Windowing,
};
use features::{FrontEndConfig, Kind, Output, Preset, Spectrum};
use serde::{Deserialize, Serialize};
use std::f32::consts::LN_10;
use std::path::Path;

/// Changes whenever the same settings give other values, so that no cache entry of an earlier version is used.
pub const CODE_SCHEMA: u32 = 2;

/// Samples of a window at most (12 minutes at 22 kHz): a model's file is not trusted, and room is made for a whole window.
const MOST_SAMPLES: usize = 1 << 24;

/// Values of a window's spectrogram at most.
const MOST_VALUES: usize = 1 << 25;

/// What turns a recording into spectrograms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// From a recording to clips.
    pub clip: ClipConfig,
    /// From a clip to a spectrogram; with `onnx`, for pictures alone.
    pub spectrogram: FrontEndConfig,
    /// An ONNX model whose embedding and log-odds are the values of a clip, `[D + K, 1]`, in place of a spectrogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxModel>,
    /// [`CODE_SCHEMA`] of the program that wrote it.
    pub code_schema: u32,
}

/// One spectrogram and where it was in the recording.
pub struct ClipSpectrogram {
    /// Begin in the recording, in seconds.
    pub start_s: f64,
    /// Seconds of sound, without padding.
    pub seconds: f64,
    /// The channel, where each is a clip of its own.
    pub channel: Option<u16>,
    /// `[n_bands, n_frames]`.
    pub mel: Vec<f32>,
    /// Frames that hold sound.
    pub frames: u32,
    /// Frames in all.
    pub n_frames: usize,
    /// 0 for the recording itself; augmented views count from 1.
    pub view: u32,
    /// What was done to it before.
    pub steps: Vec<String>,
    /// Why it holds no sound, where it holds none.
    pub silence: Option<Silence>,
}

impl Chain {
    /// The chain that a configuration asks for.
    pub fn new(clip: ClipConfig, spectrogram: FrontEndConfig) -> Self {
        Self { clip, spectrogram, onnx: None, code_schema: CODE_SCHEMA }
    }

    /// The chain of an ONNX model, and the names of its own classes, `[K]`: clips of five seconds, or of the model's window
    /// where that is longer.
    ///
    /// # Errors
    /// A model that cannot be read or does not say enough of itself, or a build without the feature `onnx`.
    pub fn of_onnx(path: &Path) -> Result<(Self, Vec<String>)> {
        let (model, facts) = describe(path)?;
        let default = Windowing::default();
        let window = Windowing { seconds: default.seconds.max(facts.window_s.unwrap_or(0.0)), ..default };
        let clip = ClipConfig { sample_rate_hz: facts.sample_rate_hz, window, ..ClipConfig::default() };
        let spectrogram = FrontEndConfig { sample_rate_hz: facts.sample_rate_hz, ..Preset::Stft.config() };
        let chain = Self { onnx: Some(model), ..Self::new(clip, spectrogram) };
        Ok((chain, facts.classes))
    }

    /// Reads the chain from a shard's or a model's header.
    pub fn from_header(value: &serde_json::Value, path: &Path) -> Result<Self> {
        let read = serde_json::from_value(value.clone());
        let mut chain: Self = read.with_context(|| {
            format!("{}: its front end is not one that this version of barkbird computes", path.display())
        })?;
        if chain.code_schema != CODE_SCHEMA {
            bail!(
                "{}: front end: expected code schema {CODE_SCHEMA}, got {}; compute the features and train again",
                path.display(),
                chain.code_schema
            );
        }
        if let Some(model) = &mut chain.onnx {
            model.find_beside(path);
        }
        Ok(chain)
    }

    /// The form that shards and models keep.
    pub fn to_header(&self) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(self)?)
    }

    /// What decides the values: [`to_header`](Self::to_header) without where files are.
    ///
    /// # Errors
    /// A value that cannot be written as JSON.
    pub fn to_key(&self) -> Result<serde_json::Value> {
        Ok(without_place(&self.to_header()?))
    }

    /// Seconds from one frame of the spectrogram to the next.
    pub fn hop_s(&self) -> f64 {
        self.spectrogram.hop as f64 / f64::from(self.spectrogram.sample_rate_hz)
    }

    /// How many of the spectrogram's units one decibel is; 0 where values are not logarithms, so that a gain, which is
    /// not a sum there, is left out.
    pub fn unit_per_db(&self) -> f32 {
        if self.onnx.is_some() {
            return 0.0;
        }
        let (output, spectrum) = match &self.spectrogram.kind {
            Kind::LogMel(log_mel) => (log_mel.output, log_mel.spectrum),
            Kind::Stft(stft) => (stft.output, stft.spectrum),
            Kind::Pcen(_) | Kind::Mfcc(_) => return 0.0,
        };
        match (output, spectrum) {
            (Output::Linear, _) => 0.0,
            (Output::Db { .. }, _) => 1.0,
            (Output::Ln(_), Spectrum::Power) => LN_10 / 10.0,
            (Output::Ln(_), Spectrum::Magnitude) => LN_10 / 20.0,
        }
    }

    /// The spectrogram in words.
    pub fn describe(&self) -> String {
        if let Some(model) = &self.onnx {
            let license = model.license.as_ref().map_or_else(String::new, |license| format!(", {license}"));
            let (name, sha256) = (model.name(), &model.sha256);
            return format!(
                "none: embedding ({}) and classes ({}) of {name} (SHA-256 {sha256}{license})",
                model.dim, model.n_own
            );
        }
        let config = &self.spectrogram;
        let kind = match &config.kind {
            Kind::LogMel(log_mel) => format!("log-mel, {} bands", log_mel.mel.n_mels),
            Kind::Pcen(pcen) => format!("PCEN, {} mel bands", pcen.mel.n_mels),
            Kind::Stft(_) => "linear frequency".to_owned(),
            Kind::Mfcc(mfcc) => format!("{} MFCC", mfcc.n_mfcc),
        };
        format!("{kind}, transforms of {} samples every {}", config.n_fft, config.hop)
    }

    /// Builds filters and transforms or opens the ONNX model, once for all recordings.
    ///
    /// # Errors
    /// Settings that make no sense, or windows that are too long for memory; an ONNX model that is not there or has changed.
    pub fn build(&self) -> Result<FrontEnd> {
        let front_end = match &self.onnx {
            Some(model) => FrontEnd::of_onnx(model.open()?, model.n_values()),
            None => FrontEnd::of_spectrogram(self.build_picture()?),
        };
        self.check_size(&front_end)?;
        Ok(front_end)
    }

    /// Refuses windows that nobody means, before there is room for them.
    fn check_size(&self, front_end: &FrontEnd) -> Result<()> {
        if self.clip.window.placement == Placement::Whole {
            return Ok(());
        }
        let n_samples = (self.clip.window.seconds * f64::from(self.clip.sample_rate_hz)) as usize;
        if n_samples > MOST_SAMPLES {
            let (seconds, rate_hz) = (self.clip.window.seconds, self.clip.sample_rate_hz);
            bail!(
                "clip.window.seconds: expected at most {MOST_SAMPLES} samples, got {seconds} s at {rate_hz} Hz; take shorter windows"
            );
        }
        let (n_bands, n_frames) = (front_end.n_bands(), front_end.n_frames(n_samples));
        if n_bands.saturating_mul(n_frames) > MOST_VALUES {
            bail!(
                "front end: expected at most {MOST_VALUES} values a window, got {n_bands} bands x {n_frames} frames; take fewer bands, \
                 a larger hop or shorter windows"
            );
        }
        Ok(())
    }

    /// The front end that a person sees clips by.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn build_picture(&self) -> Result<features::FrontEnd> {
        features::FrontEnd::new(&self.spectrogram).context("front end")
    }

    /// How much of a recording is needed for a row; none for all of it.
    pub fn until(&self, row: &Row) -> Option<Until> {
        self.clip.seconds_needed(row.start_s, row.end_s)
    }

    /// The clips of a row of a decoded recording.
    ///
    /// # Errors
    /// A row outside the recording, or a channel that it lacks.
    pub fn clips(&self, decoded: &Decoded, row: &Row) -> Result<Vec<Clip>> {
        Ok(audio_io::clips(decoded, row.start_s, row.end_s, row.channel, &self.clip)?)
    }

    /// The same without a noise floor, which is what views are made by: they get one of their own.
    #[must_use]
    pub fn without_floor(&self) -> Self {
        let mut bare = self.clone();
        bare.clip.equalize.floor_db = None;
        bare
    }

    /// The first clip of a row of a file, of which no more is decoded than needed; none where there is no clip.
    ///
    /// # Errors
    /// A file that cannot be decoded, a row outside the recording, or a channel that it lacks.
    pub fn first_clip(&self, path: &Path, row: &Row) -> Result<Option<Clip>> {
        let mut reader = RowReader::new(Recording::open(path)?, BLOCK_FRAMES);
        reader.add(0, row, [&self.clip])?;
        reader.stop_at(self.until(row));
        while let Some(clips) = reader.next_clips()? {
            for (_, clips) in clips {
                if let Some(clip) = clips?.into_iter().flatten().next() {
                    return Ok(Some(clip));
                }
            }
        }
        Ok(None)
    }

    /// One clip as a spectrogram; `decoded` is the recording that it was cut from.
    pub fn spectrogram(front_end: &FrontEnd, scratch: &mut Scratch, clip: &Clip) -> Result<ClipSpectrogram> {
        let n_frames = front_end.n_frames(clip.samples.len());
        let mut mel = vec![0.0; front_end.n_bands() * n_frames];
        front_end.compute(&clip.samples, scratch, &mut mel)?;
        let frames = u32::try_from(front_end.real_frames(clip.n_real).min(n_frames))?;
        let Clip { start_s, seconds, channel, .. } = *clip;
        let (steps, silence) = (Vec::new(), clip.silence);
        Ok(ClipSpectrogram { start_s, seconds, channel, mel, frames, n_frames, view: 0, steps, silence })
    }

    /// The clips of a row of a decoded recording as spectrograms, silent ones too.
    ///
    /// # Errors
    /// As for [`clips`](Self::clips).
    pub fn spectrograms(&self, front_end: &FrontEnd, decoded: &Decoded, row: &Row) -> Result<Vec<ClipSpectrogram>> {
        let mut scratch = front_end.scratch();
        let clips = self.clips(decoded, row)?;
        clips.iter().map(|clip| Self::spectrogram(front_end, &mut scratch, clip)).collect()
    }
}

/// A front end's header without the path of an ONNX model.
pub(crate) fn without_place(header: &serde_json::Value) -> serde_json::Value {
    let mut header = header.clone();
    if let Some(model) = header.get_mut("onnx").and_then(serde_json::Value::as_object_mut) {
        model.remove("path");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use features::Preset;

    #[test]
    fn windows_and_spectrograms_that_do_not_fit_into_memory_are_refused() {
        let chain = Chain::new(ClipConfig::default(), Preset::LogMel.config());
        assert!(chain.build().is_ok());
        let mut long = chain.clone();
        long.clip.window.seconds = 65_536.0;
        let error = long.build().err().unwrap().to_string();
        assert!(error.starts_with("clip.window.seconds: expected at most 16777216 samples"), "{error}");
        long.clip.window.placement = Placement::Whole;
        assert!(long.build().is_ok(), "a whole recording is as long as it is");
        let mut fine = chain;
        fine.spectrogram.hop = 1;
        fine.clip.window.seconds = 60.0;
        let error = fine.build().err().unwrap().to_string();
        assert!(error.contains("take fewer bands"), "{error}");
    }

    #[test]
    fn a_gain_is_as_many_units_as_unit_per_db_says() {
        let quiet: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let louder: Vec<f32> = quiet.iter().map(|sample| 10.0 * sample).collect(); // by 20 dB
        for preset in [Preset::LogMel, Preset::Stft, Preset::Yamnet, Preset::Ast] {
            let chain = Chain::new(ClipConfig::default(), preset.config());
            let front_end = chain.build_picture().unwrap();
            let largest = |samples| front_end.compute_one(samples).unwrap().into_iter().fold(f32::MIN, f32::max);
            let gain = largest(&louder) - largest(&quiet);
            assert!((gain - 20.0 * chain.unit_per_db()).abs() < 1e-3, "{preset}: {gain}");
        }
        for preset in [Preset::Pcen, Preset::Mfcc] {
            assert_eq!(Chain::new(ClipConfig::default(), preset.config()).unit_per_db(), 0.0, "{preset}");
        }
    }
}
