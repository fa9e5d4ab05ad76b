//! What is said of a model: the TOML file beside it first, then the model's metadata.

use crate::error::{Error, Result, invalid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Sample rates that a model may have, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;
/// Longest window, in samples: eleven minutes at 100 kHz.
pub(crate) const MAX_WINDOW_SAMPLES: usize = 1 << 26;

/// From scores as the graph gives them to probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The scores are probabilities as they are.
    None,
    /// Each class for itself.
    Sigmoid,
    /// One class of all.
    Softmax,
}

/// The shape of the input: B windows of N samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputShape {
    /// One window without a batch.
    #[serde(rename = "[N]")]
    Samples,
    /// Windows.
    #[serde(rename = "[B, N]")]
    Batch,
    /// Windows of one channel.
    #[serde(rename = "[B, 1, N]")]
    BatchChannel,
}

/// Keys of the TOML file; the crate's documentation describes them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) sample_rate_hz: Option<u32>,
    pub(crate) window_samples: Option<usize>,
    pub(crate) window_s: Option<f64>,
    pub(crate) hop_s: Option<f64>,
    pub(crate) input: Option<String>,
    pub(crate) input_shape: Option<InputShape>,
    pub(crate) input_peak: Option<f32>,
    pub(crate) normalize_peak: Option<f32>,
    pub(crate) class_output: Option<String>,
    pub(crate) activation: Option<Activation>,
    pub(crate) activation_applied: Option<bool>,
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) classes_file: Option<PathBuf>,
    pub(crate) embedding_output: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// The TOML file of a model: `perch.onnx` has `perch.toml`.
pub(crate) fn toml_of(model: &Path) -> PathBuf {
    model.with_extension("toml")
}

impl Settings {
    /// Those of `model`, with `metadata` where the TOML file says nothing.
    pub(crate) fn read(model: &Path, metadata: &BTreeMap<String, String>) -> Result<Self> {
        let path = toml_of(model);
        let mut settings = Self::default();
        if storage::exists(&path) {
            let text = storage::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            settings =
                toml::from_str(&text).map_err(|source| Error::Toml { path: path.clone(), source: Box::new(source) })?;
            settings.check(&path)?;
        }
        settings.fill(model, metadata)?;
        Ok(settings)
    }

    fn check(&mut self, path: &Path) -> Result<()> {
        let number = |key: &str, value: Option<f32>| match value {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                Err(invalid(path, key, "a finite number above 0", value.to_string()))
            }
            _ => Ok(()),
        };
        number("input_peak", self.input_peak)?;
        number("normalize_peak", self.normalize_peak)?;
        number("hop_s", self.hop_s.map(|seconds| seconds as f32))?;
        if self.window_samples.is_some() && self.window_s.is_some() {
            return Err(invalid(path, "window", "window_samples or window_s", "both"));
        }
        if self.classes.is_some() && self.classes_file.is_some() {
            return Err(invalid(path, "classes", "classes or classes_file", "both"));
        }
        if let Some(file) = &self.classes_file {
            let file = path.parent().unwrap_or(Path::new("")).join(file);
            let text = storage::read_to_string(&file).map_err(|source| Error::Io { path: file.clone(), source })?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            self.classes = Some(lines.map(str::to_owned).collect());
        }
        Ok(())
    }

    /// Takes from the metadata what OpenSoundscape's `ONNXModel` reads there, and the license.
    fn fill(&mut self, model: &Path, metadata: &BTreeMap<String, String>) -> Result<()> {
        let wrong = |key: &str, expected: &str, got: &str| invalid(model, format!("metadata {key}"), expected, got);
        let number = |key: &str, expected: &str| match metadata.get(key) {
            Some(text) => text.trim().parse::<f64>().map(Some).map_err(|_| wrong(key, expected, text)),
            None => Ok(None),
        };
        if self.sample_rate_hz.is_none() {
            let expected = "a whole number of Hz";
            let whole = |hz: f64| (hz.fract() == 0.0 && (0.0..=1e9).contains(&hz)).then_some(hz as u32);
            self.sample_rate_hz = match number("sample_rate", expected)? {
                Some(hz) => Some(whole(hz).ok_or_else(|| wrong("sample_rate", expected, &hz.to_string()))?),
                None => None,
            };
        }
        if self.window_samples.is_none() && self.window_s.is_none() {
            self.window_s = number("sample_duration", "a number of seconds")?;
        }
        if let (None, Some(text)) = (&self.classes, metadata.get("classes")) {
            let expected = "a JSON list of names";
            self.classes = Some(serde_json::from_str(text).map_err(|e| wrong("classes", expected, &e.to_string()))?);
        }
        let text = |own: &mut Option<String>, key: &str| {
            *own = own.take().or_else(|| metadata.get(key).filter(|text| !text.trim().is_empty()).cloned());
        };
        text(&mut self.class_output, "class_outputs_key");
        text(&mut self.embedding_output, "embedding_outputs_key");
        text(&mut self.license, "license");
        Ok(())
    }

    /// The sample rate in Hz.
    pub(crate) fn rate(&self, model: &Path) -> Result<u32> {
        let rate = self.sample_rate_hz.ok_or_else(|| {
            let found = "not in the metadata (sample_rate)".into();
            missing(model, "sample rate", found, "sample_rate_hz = 32000")
        })?;
        if !RATES_HZ.contains(&rate) {
            let expected = format!("{} to {} Hz", RATES_HZ.start(), RATES_HZ.end());
            return Err(invalid(model, "sample rate", expected, rate.to_string()));
        }
        Ok(rate)
    }

    /// From one window of a clip to the next, in samples, where it is said: at most as long as the window.
    pub(crate) fn hop(&self, model: &Path, rate_hz: u32, window: Option<usize>) -> Result<Option<usize>> {
        let Some(seconds) = self.hop_s else { return Ok(None) };
        let Some(window) = window else {
            let got = format!("{seconds} s, for a model that takes any length");
            return Err(invalid(model, "hop_s", "a window, too: window_s", got));
        };
        let samples = (seconds * f64::from(rate_hz)).round();
        if !(samples >= 1.0 && samples <= window as f64) {
            let expected = format!("1 sample to a window, {:.3} s", window as f64 / f64::from(rate_hz));
            return Err(invalid(model, "hop_s", expected, format!("{seconds} s")));
        }
        Ok(Some(samples as usize))
    }

    /// The window in samples, where one is said.
    pub(crate) fn window(&self, model: &Path, rate_hz: u32) -> Result<Option<usize>> {
        let samples = match (self.window_samples, self.window_s) {
            (Some(samples), _) => samples,
            (None, Some(seconds)) => {
                let samples = (seconds * f64::from(rate_hz)).round();
                if !(samples >= 1.0 && samples <= MAX_WINDOW_SAMPLES as f64) {
                    return Err(long(model, format!("{seconds} s at {rate_hz} Hz")));
                }
                samples as usize
            }
            (None, None) => return Ok(None),
        };
        if samples == 0 {
            return Err(long(model, "0 samples".into()));
        }
        Ok(Some(samples))
    }
}

/// A window that is too short or too long.
pub(crate) fn long(model: &Path, got: String) -> Error {
    invalid(model, "window", format!("1 to {MAX_WINDOW_SAMPLES} samples"), got)
}

/// An [`Error::Missing`].
pub(crate) fn missing(model: &Path, what: &'static str, found: String, key: &str) -> Error {
    Error::Missing { path: model.into(), what, found, key: key.into(), toml: toml_of(model) }
}
