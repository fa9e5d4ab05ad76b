//! A model with what is decided when it is asked: windows, a detector of unknown sounds, thresholds.

use crate::batch::n_batch;
use crate::error::{Result, bail};
use crate::evidence::{self, ShowEvidence};
use crate::input::Input;
use crate::model::Model;
use crate::sets::Sets;
use crate::unknown::{ALPHA, Calibrated, Detectors, KnownClip, Outputs};
use crate::watch::Watch;
use crate::windows::{Window, Windows};
use candle_core::Device;
use classifier::Calibration;
use detections::{Thresholds, Verdict};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Which detector of unknown sounds is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reject {
    /// The model's first, where it has one.
    #[default]
    Auto,
    /// None.
    Off,
    /// The one of this name, which the model must have; `auto` is the first.
    Method(String),
}

/// What is decided when a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorOptions {
    /// Seconds by which windows over a long recording overlap.
    pub overlap_s: f64,
    /// The detector of unknown sounds.
    pub reject: Reject,
    /// Maximum false-rejection rate; none for [`usual_alpha`](Self::usual_alpha), or with few calibration groups the smallest
    /// possible one.
    pub alpha: Option<f64>,
    /// The maximum false-rejection rate where none is asked for.
    pub usual_alpha: f64,
    /// `unsure` where no class is as probable as this, 0 to 1.
    pub unsure_below: f32,
    /// Training clips that each answer is compared with; 0 for none.
    pub n_nearest: usize,
    /// Coverage of the sets of classes, above 0 and below 1; none for no sets.
    pub coverage: Option<f64>,
    /// The strongest of a pretrained network's own classes.
    pub evidence: ShowEvidence,
    /// Windows of recordings that are in memory at once, about; results do not depend on it.
    pub max_windows: usize,
}

impl Default for PredictorOptions {
    fn default() -> Self {
        Self {
            overlap_s: 0.0,
            reject: Reject::Auto,
            alpha: None,
            usual_alpha: ALPHA,
            unsure_below: 0.5,
            n_nearest: 0,
            coverage: None,
            evidence: ShowEvidence::No,
            max_windows: 256,
        }
    }
}

/// A model, ready to be asked about recordings.
pub struct Predictor<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its detectors of unknown sounds, where it has some and they are not off.
    pub detectors: Option<Arc<Detectors>>,
    /// What a reader should know, such as that alpha is larger than usual.
    pub notes: Vec<String>,
    /// Number of the detector that is used.
    detector: Option<usize>,
    thresholds: Thresholds,
    pub(crate) windows: Windows,
    n_nearest: usize,
    pub(crate) max_windows: usize,
    sets: Option<Sets>,
    /// Names of the pretrained network's own classes; empty where evidence is not shown.
    evidence: Vec<String>,
}

/// A verdict and what is behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// Number of its recording among the inputs.
    pub input: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// The detector's score, where there is one; higher is less like the known sounds.
    pub score: Option<f64>,
    /// The most similar training clips and the cosine similarity of each, where the model keeps some.
    pub nearest: Vec<(KnownClip, f32)>,
}

/// What became of several recordings.
#[derive(Debug, Default)]
pub struct Answers {
    /// Windows, recording by recording.
    pub judged: Vec<Judged>,
    /// Recordings that could not be used.
    pub failed: Vec<Failed>,
    /// What a reader should know of recordings: damage, silence. By number among the inputs, at most one for each.
    pub warnings: Vec<(usize, String)>,
    /// Seconds of sound that each recording has, as far as it was decoded, by number among the inputs.
    pub seconds: Vec<(usize, f64)>,
}

impl Judged {
    /// Notes that the window is silent, and what is wrong with its recording.
    pub(crate) fn note(&mut self, damage: &str) {
        self.verdict.note = match (self.verdict.silent, damage.is_empty()) {
            (false, _) => damage.to_owned(),
            (true, true) => "silent".to_owned(),
            (true, false) => format!("silent; {damage}"),
        };
    }
}

/// A recording that could not be used: its number among the inputs, and why.
pub type Failed = (usize, crate::Error);

impl Model {
    /// The model with what is decided when it is asked.
    ///
    /// # Errors
    /// A detector, calibration scores of the classes or a pretrained network that are asked for and that the model lacks, an
    /// alpha that its calibration is too small for, or an overlap that is not shorter than the window.
    pub fn predictor(&self, options: &PredictorOptions) -> Result<Predictor<'_>> {
        let detectors = if options.reject == Reject::Off { None } else { Detectors::of(self)? };
        let detector = match (&detectors, &options.reject) {
            (Some(detectors), Reject::Method(name)) => Some(detectors.position(name)?),
            (Some(_), _) => Some(0),
            (None, Reject::Method(name)) => bail!(
                "--reject {name}: {} has no detector of unknown sounds; `barkbird anomaly fit {} --features DIR` adds one",
                self.path.display(),
                self.path.parent().unwrap_or(Path::new(".")).display()
            ),
            (None, _) => None,
        };
        let used = detectors.as_ref().zip(detector).map(|(detectors, nth)| &detectors.detectors[nth]);
        let (alpha, note) =
            used.map(|used| used.alpha(options.alpha, options.usual_alpha)).transpose()?.unwrap_or_default();
        let windows = Windows::sliding(self, detectors.as_ref(), options.overlap_s)?;
        let thresholds = Thresholds { unsure_below: options.unsure_below, alpha };
        let sets = options.coverage.map(|asked| Sets::of(self, asked)).transpose()?;
        let evidence = evidence::names(self, detectors.as_ref(), options.evidence)?;
        let notes = note.into_iter().chain(sets.as_ref().and_then(|sets| sets.note(&self.header.classes))).collect();
        let PredictorOptions { n_nearest, .. } = *options;
        // As many more as are classified at once.
        let max_windows = options.max_windows * n_batch(&self.device) / n_batch(&Device::Cpu);
        Ok(Predictor {
            model: self,
            detectors: detectors.map(Arc::new),
            notes,
            detector,
            thresholds,
            windows,
            n_nearest,
            max_windows,
            sets,
            evidence,
        })
    }
}

impl<'a> Predictor<'a> {
    /// The same predictor with another overlap and another maximum false-rejection rate, as in [`PredictorOptions`]. Both share the
    /// detectors, which take long to open. Its notes are those of the other.
    ///
    /// # Errors
    /// An overlap that is not shorter than the window, and an alpha that the calibration is too small for.
    pub fn again(&self, overlap_s: f64, alpha: Option<f64>, usual_alpha: f64) -> Result<Predictor<'a>> {
        let used = self.detector();
        let (alpha, _) = used.map(|used| used.alpha(alpha, usual_alpha)).transpose()?.unwrap_or_default();
        Ok(Predictor {
            model: self.model,
            detectors: self.detectors.clone(),
            notes: self.notes.clone(),
            detector: self.detector,
            thresholds: Thresholds { alpha, ..self.thresholds },
            windows: Windows::sliding(self.model, self.detectors.as_deref(), overlap_s)?,
            n_nearest: self.n_nearest,
            max_windows: self.max_windows,
            sets: self.sets.clone(),
            evidence: self.evidence.clone(),
        })
    }

    /// Length of a window, in seconds.
    ///
    /// # Errors
    /// A model's header that this version does not read.
    pub fn window_s(&self) -> Result<f64> {
        Ok(self.model.chain()?.clip.window.seconds)
    }
}

impl Predictor<'_> {
    /// Names of the classes, in order.
    pub fn classes(&self) -> &[String] {
        &self.model.header.classes
    }

    /// When a window gets no class.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The detector that is used.
    pub fn detector(&self) -> Option<&Calibrated> {
        self.detectors.as_ref().zip(self.detector).map(|(detectors, nth)| &detectors.detectors[nth])
    }

    /// What the sets of classes are made from, where a coverage was asked for.
    pub fn sets(&self) -> Option<&Sets> {
        self.sets.as_ref()
    }

    /// Whether verdicts name the strongest of a pretrained network's own classes.
    pub fn shows_evidence(&self) -> bool {
        !self.evidence.is_empty()
    }

    /// One verdict for each window of a recording.
    ///
    /// # Errors
    /// A recording that cannot be read or holds no sound.
    pub fn recording(&self, path: impl AsRef<Path>) -> Result<Vec<Verdict>> {
        let mut answers = self.recordings(&[Input::file(path.as_ref())], 0, &Watch::default())?;
        match answers.failed.pop() {
            Some((_, error)) => Err(error),
            None => Ok(answers.judged.into_iter().map(|judged| judged.verdict).collect()),
        }
    }

    /// What the networks compute for windows; none where there are no windows.
    ///
    /// # Errors
    /// As for [`recordings`](Self::recordings).
    pub fn outputs(&self, inputs: &[Input], windows: &[&Window]) -> Result<Option<Outputs>> {
        let name = |nth: usize| inputs[nth].name.as_str();
        self.windows.outputs(self.model, self.detectors.as_deref(), windows, name)
    }

    /// The verdicts of windows, the notes of which do not know yet what is wrong with their recordings.
    pub(crate) fn judge_windows(&self, inputs: &[Input], first: usize, windows: &[&Window]) -> Result<Vec<Judged>> {
        let Some(mut outputs) = self.outputs(inputs, windows)? else { return Ok(Vec::new()) };
        let n_classes = outputs.n_classes;
        let detector = self.detector();
        // The detector looks at what the networks compute, which is the same in every place.
        let scores = detector.map(|detector| detector.fitted.score(&outputs)).transpose()?;
        self.model.header.shift(&mut outputs.logits);
        let probabilities = Calibration::probabilities(self.model.temperature(), &outputs.logits, n_classes);
        let p_value = |score: f64| detector.map(|detector| detector.conformal.p_value(score));
        let known = self.detectors.as_ref().filter(|_| self.n_nearest > 0).map(|detectors| &detectors.known);
        let nearest = known.map(|known| known.nearest(&outputs, self.n_nearest)).transpose()?;
        let own = outputs.backbone.as_ref().filter(|_| self.shows_evidence());
        let judged = |(nth, window): (usize, &&Window)| {
            let (input, clip) = (&inputs[window.input], &window.clip);
            let score = scores.as_ref().map(|scores| scores[nth]);
            let mut verdict = Verdict {
                path: input.name.clone(),
                start_s: clip.start_s,
                end_s: clip.start_s + clip.seconds,
                channel: clip.channel,
                probability: probabilities[nth * n_classes..(nth + 1) * n_classes].to_vec(),
                outlier_p: score.and_then(p_value),
                silent: clip.silence.is_some(),
                truth: Some(input.row.label.clone()).filter(|label| !label.is_empty()),
                note: String::new(),
                set: None,
                evidence: own.map(|own| evidence::strongest(own.scores_of(nth), &self.evidence)),
            };
            verdict.set = self.sets.as_ref().map(|sets| sets.set(&verdict));
            let nearest = nearest.as_ref().map_or(&[][..], |all| &all[nth]);
            let nearest = nearest.iter().map(|&(clip, cosine)| (clip.clone(), cosine)).collect();
            Judged { input: first + window.input, verdict, score, nearest }
        };
        Ok(windows.iter().enumerate().map(judged).collect())
    }

    /// One verdict a recording and channel: the mean of its windows' probabilities, a p-value of the mean of their scores, the
    /// set of classes of the mean probabilities, and of a pretrained network's classes those that are strongest in any window.
    /// Silent windows do not count, unless all are. Windows of one recording must follow each other.
    pub fn per_recording(&self, judged: &[Judged]) -> Vec<Verdict> {
        let of_recording = |windows: &[Judged]| -> Vec<Verdict> {
            let mut channels: Vec<Option<u16>> = windows.iter().map(|window| window.verdict.channel).collect();
            channels.sort_unstable();
            channels.dedup();
            let of_channel = |channel: &Option<u16>| -> Vec<&Judged> {
                windows.iter().filter(|window| window.verdict.channel == *channel).collect()
            };
            channels.iter().map(|channel| self.of_windows(&of_channel(channel))).collect()
        };
        judged.chunk_by(|a, b| a.input == b.input).flat_map(of_recording).collect()
    }

    /// The verdict of the windows of one recording and channel.
    fn of_windows(&self, all: &[&Judged]) -> Verdict {
        let audible: Vec<&Judged> = all.iter().copied().filter(|window| !window.verdict.silent).collect();
        let windows = if audible.is_empty() { all } else { &audible };
        let n = windows.len() as f64;
        let mut whole = windows[0].verdict.clone();
        for (class, probability) in whole.probability.iter_mut().enumerate() {
            let sum: f64 = windows.iter().map(|window| f64::from(window.verdict.probability[class])).sum();
            *probability = (sum / n) as f32;
        }
        whole.start_s = all[0].verdict.start_s;
        whole.end_s = all.iter().map(|window| window.verdict.end_s).fold(0.0, f64::max);
        let score = windows.iter().map(|window| window.score).sum::<Option<f64>>().map(|sum| sum / n);
        whole.outlier_p = score.zip(self.detector()).map(|(score, detector)| detector.of_recordings.p_value(score));
        whole.set = self.sets.as_ref().map(|sets| sets.set(&whole));
        whole.evidence = self
            .shows_evidence()
            .then(|| evidence::strongest_of(windows.iter().filter_map(|window| window.verdict.evidence.as_deref())));
        whole
    }
}
