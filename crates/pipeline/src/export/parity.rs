//! Made sounds, what the model says of them, and what a graph says of them.

use crate::error::{Context, Error, Result};
use crate::job::Job;
use audio_io::{ClipConfig, Level, Pcm, SampleFormat, Windowing};
use classifier::Calibration;
use export_onnx::{About, Array, Begin, evaluate};
use inference::unknown::Detectors;
use inference::{Input, Model, Windows};
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use synth::TestSound;

/// Clips of the made data set beside the test sounds.
const N_CLIPS: usize = 8;

/// Windows that a graph is computed for at a time.
const BATCH: usize = 16;

/// Seed of the sounds.
const SEED: u64 = 20;

/// Windows, and what the model gives for them.
pub(super) struct Parity {
    arrays: BTreeMap<&'static str, Array>,
    n: usize,
}

/// The largest difference of each output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Differences {
    /// Of probabilities.
    pub probabilities: f32,
    /// Of the embedding, as a share of its largest value.
    pub embedding: f32,
    /// Of the score of unknown sounds, as a share of its largest value; none where the graph has none.
    pub unknown_score: Option<f32>,
    /// Of p-values.
    pub p_value: Option<f32>,
}

/// Made sounds of the length of a window.
fn sounds(rate_hz: u32, n_samples: usize) -> Vec<Vec<f32>> {
    let tests = TestSound::ALL.into_iter().filter(|sound| *sound != TestSound::Silence);
    let mut all: Vec<Vec<f32>> = tests.map(|sound| sound.render(n_samples, rate_hz, SEED, 0)).collect();
    for plan in synth::plan(N_CLIPS, SEED) {
        let item = plan.render();
        let samples = audio_io::resample(&item.samples, item.rate_hz, rate_hz).unwrap_or_default();
        all.push(samples.iter().copied().cycle().take(n_samples).collect());
    }
    all.retain(|samples| samples.len() == n_samples);
    all
}

/// The first window of a recording at the rate of the graph; none where it holds no sound.
fn window(recording: &Input, about: &About) -> Result<Option<Vec<f32>>> {
    let (row, window) = (&recording.row, Windowing { seconds: about.window_s, ..Windowing::default() });
    let clip = ClipConfig { sample_rate_hz: about.sample_rate_hz, level: Level::None, window, ..ClipConfig::default() };
    let decoded = recording.open()?.decode(clip.seconds_needed(row.start_s, row.end_s))?;
    let clips = audio_io::clips(&decoded, row.start_s, row.end_s, row.channel, &clip)?;
    Ok(clips.into_iter().find(|clip| !clip.is_silent()).map(|clip| clip.samples))
}

impl Parity {
    /// What the model says of made sounds and the first windows of recordings.
    ///
    /// # Errors
    /// Outputs that are not finite, and recordings that cannot be decoded.
    pub(super) fn of(model: &Model, about: &About, recordings: &[Input]) -> Result<Self> {
        let rate_hz = about.sample_rate_hz;
        let n_samples = (about.window_s * f64::from(rate_hz)).round() as usize;
        let mut sounds = sounds(rate_hz, n_samples);
        for recording in recordings {
            sounds.extend(window(recording, about)?);
        }
        let detectors = Detectors::of(model)?;
        // Silent ends are cut off outside the graph.
        let windows = Windows::sliding(model, detectors.as_ref(), 0.0)?;
        let windows = windows.map_clip(|clip| ClipConfig { trim_db: None, ..*clip });
        let input = |samples: &Vec<f32>| {
            let mut wav = Pcm { format: SampleFormat::F32, rate_hz, n_channels: 1 }.endless_wav_header();
            wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            Input { bytes: Some(Arc::from(wav)), ..Input::file("made.wav".as_ref()) }
        };
        let inputs: Vec<Input> = sounds.iter().map(input).collect();
        let mut all = Vec::new();
        for (nth, input) in inputs.iter().enumerate() {
            all.extend(windows.of(nth, input)?.windows);
        }
        let outputs = windows.outputs(model, detectors.as_ref(), &all.iter().collect::<Vec<_>>(), |_| "made")?;
        let outputs = outputs.context("no window of the made sounds")?;
        let (n, n_classes) = (outputs.len(), outputs.n_classes);
        let mut logits = outputs.logits.clone();
        model.header.shift(&mut logits);
        let probabilities = Calibration::probabilities(model.temperature(), &logits, n_classes);
        let shaped = |width: usize, values: Vec<f32>| Array { dims: vec![n, width], values };
        let mut arrays = BTreeMap::from([
            ("probabilities", shaped(n_classes, probabilities)),
            ("embedding", shaped(outputs.dim, outputs.embedding.clone())),
        ]);
        if let Some(detector) =
            detectors.iter().find_map(|of| of.detectors.first()).filter(|_| about.detector.is_some())
        {
            let scores = detector.fitted.score(&outputs)?;
            let p_values = scores.iter().map(|score| detector.conformal.p_value(*score) as f32).collect();
            arrays.insert("p_value", shaped(1, p_values));
            arrays.insert("unknown_score", shaped(1, scores.iter().map(|score| *score as f32).collect()));
        }
        let mut dims = vec![n];
        dims.extend(&about.input_shape);
        let values = match about.begin {
            Begin::Waveform => sounds.concat(),
            Begin::Spectrogram => all.iter().flat_map(|window| window.clip.mel.iter().copied()).collect(),
        };
        arrays.insert("inputs", Array { dims, values });
        Ok(Self { arrays, n })
    }

    /// Windows.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Computes the graph, and compares.
    ///
    /// # Errors
    /// A graph that cannot be computed, and a run that is canceled.
    pub(super) fn compare(&self, graph: &[u8], job: &Job<'_>) -> Result<Differences> {
        let inputs = &self.arrays["inputs"];
        let (n_each, mut got) = (inputs.values.len() / self.n.max(1), HashMap::<String, Array>::new());
        for values in inputs.values.chunks(BATCH * n_each.max(1)) {
            job.check("nothing was written")?;
            let mut dims = inputs.dims.clone();
            dims[0] = values.len() / n_each.max(1);
            for (name, array) in evaluate(graph, &Array { dims, values: values.to_vec() })? {
                match got.get_mut(&name) {
                    None => drop(got.insert(name, array)),
                    Some(before) => {
                        before.dims[0] += array.dims[0];
                        before.values.extend(array.values);
                    }
                }
            }
        }
        let largest = |name: &str| -> Option<[f32; 2]> {
            let (expected, got) = (self.arrays.get(name)?, got.get(name)?);
            if expected.dims != got.dims {
                return Some([f32::NAN, 1.0]);
            }
            let pairs = expected.values.iter().zip(&got.values);
            let most = |largest: f32, value: f32| if value.is_nan() { f32::NAN } else { largest.max(value) };
            let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, most);
            Some([difference, expected.values.iter().fold(1e-9, |largest: f32, value| largest.max(value.abs()))])
        };
        let share = |name: &str| largest(name).map(|[difference, size]| difference / size);
        Ok(Differences {
            probabilities: largest("probabilities").map_or(f32::NAN, |[difference, _]| difference),
            embedding: share("embedding").unwrap_or(f32::NAN),
            unknown_score: share("unknown_score"),
            p_value: largest("p_value").map(|[difference, _]| difference),
        })
    }

    /// A safetensors file with all arrays.
    ///
    /// # Errors
    /// None that arrays can cause.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = |array: &Array| array.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let raw: Vec<(&str, &Array, Vec<u8>)> =
            self.arrays.iter().map(|(name, array)| (*name, array, bytes(array))).collect();
        let failed = |error: safetensors::SafeTensorError| Error::Invalid(format!("parity file: {error}"));
        let views = raw.iter().map(|(name, array, bytes)| {
            Ok((*name, TensorView::new(Dtype::F32, array.dims.clone(), bytes).map_err(failed)?))
        });
        safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(failed)
    }
}
