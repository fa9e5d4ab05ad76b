//! How well the model's detector detects unknown sounds, and how many known ones it rejects.

use super::rows::Labeled;
use crate::error::Result;
use crate::job::Job;
use ::anomaly::metrics::{Bootstrap, figures, intervals};
use inference::unknown::{Detectors, Outputs};
use inference::{Input, Model, Window, Windows};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use synth::TestSound;

/// The set of made noises, silence, tones and music.
const NOISES: &str = "noises";
/// Made sounds of each kind.
const N_OF_A_KIND: usize = 20;
/// The rate that they are made at, as most recordings have it.
const RATE_HZ: u32 = 44_100;
/// Fewest known clips and unknown sounds of a set that figures are computed of.
const FEWEST: usize = 2;

/// `unknown` of metrics.json.
#[derive(Debug, Clone, Serialize)]
pub struct UnknownSounds {
    /// The detector.
    pub method: String,
    /// Maximum false-rejection rate of the shares below.
    pub alpha: f64,
    /// Share of known clips that are rejected, and their number.
    pub known_rejected: Option<f64>,
    /// Known clips.
    pub n_known: usize,
    /// By split, or kind of made sounds.
    pub sets: BTreeMap<String, UnknownFigures>,
}

/// Figures of one set of unknown sounds against the known clips.
#[derive(Debug, Clone, Serialize)]
pub struct UnknownFigures {
    /// Clips.
    pub n: usize,
    /// Their groups.
    pub n_groups: usize,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Its 95 % interval, over groups.
    pub interval: Option<[f64; 2]>,
    /// Share that is rejected at `alpha`.
    pub rejected: f64,
}

/// Scores of clips, as they come.
#[derive(Debug, Default)]
pub(super) struct Judged {
    known: Scores,
    sets: BTreeMap<String, Scores>,
}

#[derive(Debug, Default)]
struct Scores {
    score: Vec<f64>,
    p: Vec<f64>,
    group: Vec<String>,
}

impl Scores {
    fn push(&mut self, score: f64, p: f64, group: &str) {
        self.score.push(score);
        self.p.push(p);
        self.group.push(group.to_owned());
    }

    fn rejected(&self, alpha: f64) -> Option<f64> {
        let n = self.p.len();
        (n > 0).then(|| self.p.iter().filter(|p| **p <= alpha).count() as f64 / n as f64)
    }
}

impl Judged {
    /// Adds clips, and returns their p-values; none without a detector.
    pub(super) fn add<'a>(
        &mut self,
        detectors: Option<&Detectors>,
        outputs: &Outputs,
        rows: impl Iterator<Item = &'a Labeled>,
    ) -> Result<Option<Vec<f64>>> {
        let Some(detectors) = detectors else { return Ok(None) };
        let detector = detectors.detector("auto")?;
        let scores = detector.fitted.score(outputs)?;
        let p: Vec<f64> = scores.iter().map(|score| detector.conformal.p_value(*score)).collect();
        for ((row, score), p) in rows.zip(scores).zip(&p) {
            let of = match row.class {
                Some(_) => &mut self.known,
                None => self.sets.entry(row.split().to_owned()).or_default(),
            };
            of.push(score, *p, row.group());
        }
        Ok(Some(p))
    }

    /// The figures; none without a detector.
    pub(super) fn figures(&self, detectors: Option<&Detectors>, seed: u64) -> Result<Option<UnknownSounds>> {
        let Some(detectors) = detectors else { return Ok(None) };
        let detector = detectors.detector("auto")?;
        let (alpha, _) = detector.alpha(None, inference::unknown::ALPHA)?;
        let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
        let known = &self.known;
        let mut sets = BTreeMap::new();
        for (name, of) in &self.sets {
            let n = of.score.len();
            let (mut auroc, mut interval) = (None, None);
            if n >= FEWEST && known.score.len() >= FEWEST {
                auroc = Some(figures(&known.score, &of.score)?.auroc);
                interval = Some(intervals(&known.score, &known.group, &of.score, &of.group, &bootstrap)?.auroc);
            }
            let n_groups = of.group.iter().collect::<BTreeSet<_>>().len();
            let rejected = of.rejected(alpha).unwrap_or(0.0);
            sets.insert(name.clone(), UnknownFigures { n, n_groups, auroc, interval, rejected });
        }
        Ok(Some(UnknownSounds {
            method: detector.fitted.method.name.clone(),
            alpha,
            known_rejected: known.rejected(alpha),
            n_known: known.score.len(),
            sets,
        }))
    }
}

/// Adds made noises, silence, tones and music, as long as the model's window. What is silent is never a class and counts as
/// rejected.
pub(super) fn noises(
    judged: &mut Judged,
    windows: &Windows,
    model: &Model,
    detectors: &Detectors,
    job: &Job<'_>,
) -> Result<()> {
    let n_samples = (model.chain()?.clip.window.seconds * f64::from(RATE_HZ)).ceil() as usize;
    let detector = detectors.detector("auto")?;
    for kind in TestSound::ALL {
        job.check("nothing was written")?;
        let of = judged.sets.entry(NOISES.to_owned()).or_default();
        let mut audible: Vec<(String, Window)> = Vec::new();
        for nth in 0..N_OF_A_KIND {
            let name = format!("{}-{nth:02}.wav", kind.name());
            let samples = kind.render(n_samples, RATE_HZ, job.seed(), nth as u64);
            let bytes: Arc<[u8]> = synth::to_wav_16(&samples, RATE_HZ).into();
            let input =
                Input { path: PathBuf::from(&name), name: name.clone(), bytes: Some(bytes), ..Input::default() };
            let window = windows.of(0, &input)?.windows.into_iter().next();
            match window.filter(|window| window.clip.silence.is_none()) {
                Some(window) => audible.push((name, window)),
                None => of.push(f64::MAX, 0.0, &name),
            }
        }
        let refs: Vec<&Window> = audible.iter().map(|(_, window)| window).collect();
        let Some(outputs) = windows.outputs(model, Some(detectors), &refs, |_| NOISES)? else { continue };
        for (score, (name, _)) in detector.fitted.score(&outputs)?.into_iter().zip(&audible) {
            of.push(score, detector.conformal.p_value(score), name);
        }
    }
    Ok(())
}
