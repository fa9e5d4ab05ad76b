//! A model on the recordings of manifests, as they are and under each condition.
//!
//! A recording is decoded once for all its rows in a block and for all conditions. Nothing of it is kept but the windows of
//! the block, and of those the networks' answers.

use super::evaluated::Evaluated;
use super::figures::{ConditionFigures, Stress};
use super::rows::{Answers, Labeled, rows_of_split};
use super::unknowns::{Judged, noises};
use crate::error::{Error, Result, bail};
use crate::extraction::stage::{Damaged, warn_skipped};
use crate::job::Job;
use crate::named::Named;
use crate::stress::Condition;
use audio_io::check::sha256_of_file;
use audio_io::{ClipConfig, Placement, Silence, Until, Windowing};
use detections::Verdict;
use inference::unknown::Detectors;
use inference::{Input, Model, Take, Window, Windowed, Windows, damage_words, enough, reason};
use rayon::prelude::*;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// Rows whose windows are in memory at once, for all conditions.
const BLOCK: usize = 32;

/// Samples over all channels of a recording that is changed as a whole, at most.
const MOST_SAMPLES: f64 = 256e6;

/// What a recording is cut by: as it is, or under a condition.
struct Cut {
    condition: Option<Condition>,
    windows: Windows,
}

/// Everything that a recording is cut by.
struct Cuts {
    /// As it is, then each condition that was asked for.
    all: Vec<Cut>,
    /// The model's own clip settings.
    clip: ClipConfig,
    seed: u64,
}

/// The windows of a row by each cut, and what is wrong with its recording.
struct OfRow {
    by_cut: Vec<std::result::Result<Vec<Window>, String>>,
    damage: String,
}

/// Measures a model on a split of manifests.
pub(super) fn evaluate(
    model: &Model,
    manifests: &[PathBuf],
    stress: bool,
    split: &str,
    job: &Job<'_>,
) -> Result<Evaluated> {
    let (classes, temperature) = (&model.header.classes, model.temperature());
    let labeled = rows_of_split(manifests, split, classes)?;
    let detectors = Detectors::of(model)?;
    let cuts = Cuts::new(model, detectors.as_ref(), stress, job.seed())?;
    let mut answers: Vec<Answers> = cuts.all.iter().map(|_| Answers::new(classes.len())).collect();
    let (mut verdicts, mut skipped, mut damaged) = (Vec::new(), Vec::new(), Damaged::default());
    let mut judged = Judged::default();
    let progress = job.progress("evaluate", labeled.len());
    for (nth, block) in labeled.chunks(BLOCK).enumerate() {
        let first = nth * BLOCK;
        let before = verdicts.len();
        let mut asked = Asked { model, detectors: detectors.as_ref(), block, first, judged: &mut judged };
        let damage = if stress {
            let (by_cut, damage) = under_conditions(&cuts, block, &mut skipped, job)?;
            for ((cut, windows), answers) in cuts.all.iter().zip(&by_cut).zip(&mut answers) {
                job.check("nothing was written")?;
                asked.answer(cut, windows, answers, &mut verdicts)?;
            }
            damage
        } else {
            let mut take = |windows: Vec<Window>| asked.answer(&cuts.all[0], &windows, &mut answers[0], &mut verdicts);
            as_they_are(&cuts.all[0].windows, block, &mut skipped, job, &mut take)?
        };
        for (damage, labeled) in damage.iter().zip(block) {
            damaged.add(&labeled.input.name, damage);
        }
        for (of, verdict) in answers[0].of(before).iter().zip(&mut verdicts[before..]) {
            verdict.note.clone_from(&damage[*of - first]);
        }
        progress.inc(block.len());
    }
    drop(progress);
    damaged.warn(job);
    warn_skipped(&skipped, job);
    if answers[0].len() == 0 {
        bail!("none of the {} recordings could be used; the reasons are above", labeled.len());
    }
    let measured = |answers: &Answers| answers.metrics(&labeled, classes, temperature, split, job.seed());
    let metrics = measured(&answers[0]);
    let conditions = cuts.all.iter().zip(&answers).filter_map(|(cut, answers)| Some((cut.condition?, answers)));
    let conditions: Vec<_> =
        conditions.map(|(condition, answers)| (condition, ConditionFigures::of(&measured(answers)))).collect();
    if stress && let Some(detectors) = &detectors {
        noises(&mut judged, &cuts.all[0].windows, model, detectors, job)?;
    }
    let unknown = judged.figures(detectors.as_ref(), job.seed())?;
    let by_row =
        cuts.all.iter().zip(&answers).map(|(cut, answers)| (cut.condition, answers.by_row(&labeled))).collect();
    Ok(Evaluated { metrics, verdicts, skipped, stress: stress.then(|| Stress::new(conditions)), unknown, by_row })
}

/// Who is asked about a block of rows, the first of which has that number.
struct Asked<'a> {
    model: &'a Model,
    detectors: Option<&'a Detectors>,
    block: &'a [Labeled],
    first: usize,
    judged: &'a mut Judged,
}

impl Asked<'_> {
    /// Asks the networks about windows; of recordings as they are, verdicts are kept, without notes.
    fn answer(
        &mut self,
        cut: &Cut,
        windows: &[Window],
        answers: &mut Answers,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<()> {
        let (block, first) = (self.block, self.first);
        // Stress tests measure the classes alone.
        let detectors = self.detectors.filter(|_| cut.condition.is_none());
        let windows: Vec<&Window> = windows.iter().collect();
        let name = |nth: usize| block[nth].input.name.as_str();
        let Some(mut outputs) = cut.windows.outputs(self.model, detectors, &windows, name)? else { return Ok(()) };
        let before = answers.len();
        let rows = windows.iter().map(|window| &block[window.input]);
        let outlier_p = self.judged.add(detectors, &outputs, rows)?;
        let of = windows.iter().map(|window| first + window.input);
        self.model.header.shift(&mut outputs.logits);
        answers.extend(of, outputs.logits, self.model.temperature());
        if cut.condition.is_none() {
            verdicts.extend(windows.iter().enumerate().map(|(nth, window)| {
                let p = outlier_p.as_ref().map(|all| all[nth]);
                verdict(window, &block[window.input], answers.probability(before + nth), p)
            }));
        }
        Ok(())
    }
}

/// Passes on the windows of a block of rows that hold sound, a few at a time, and gives what is wrong with the recording of each
/// row.
fn as_they_are(
    windows: &Windows,
    block: &[Labeled],
    skipped: &mut Vec<Skipped>,
    job: &Job<'_>,
    take: &mut Take<'_, Error>,
) -> Result<Vec<String>> {
    let inputs: Vec<Input> = block.iter().map(|labeled| labeled.input.clone()).collect();
    let silences: Mutex<BTreeMap<usize, Silence>> = Mutex::default();
    let is_sound = |window: &Window| match window.clip.silence {
        None => true,
        Some(silence) => {
            if let Ok(mut silences) = silences.lock() {
                silences.entry(window.input).or_insert(silence);
            }
            false
        }
    };
    let seen = windows.each(&inputs, &is_sound, &|| job.cancel.is_cancelled(), take);
    job.check("nothing was written")?;
    let silences = silences.into_inner().unwrap_or_default();
    let mut damage = Vec::with_capacity(block.len());
    for ((nth, input), seen) in inputs.iter().enumerate().zip(seen?) {
        let seen = match seen {
            Ok(seen) if seen.n_windows > seen.n_silent || seen.n_windows == 0 => Ok(seen.damage),
            Ok(seen) => Err((silences.get(&nth).map_or_else(String::new, ToString::to_string), seen.damage)),
            Err(error) => Err((reason(&error, &input.path), String::new())),
        };
        let (reason, of_row) = match seen {
            Ok(damage) => (None, damage),
            Err((reason, damage)) => (Some(reason), damage),
        };
        skipped.extend(reason.map(|reason| Skipped { path: input.name.clone(), reason }));
        damage.push(of_row);
    }
    Ok(damage)
}

/// The windows of a block of rows by each cut, and what is wrong with the recording of each row.
fn under_conditions(
    cuts: &Cuts,
    block: &[Labeled],
    skipped: &mut Vec<Skipped>,
    job: &Job<'_>,
) -> Result<(Vec<Vec<Window>>, Vec<String>)> {
    let mut by_cut: Vec<Vec<Window>> = cuts.all.iter().map(|_| Vec::new()).collect();
    let of_rows = windows_of(cuts, block, job)?;
    let damage: Vec<String> = of_rows.iter().map(|row| row.damage.clone()).collect();
    for (row, labeled) in of_rows.into_iter().zip(block) {
        for ((cut, windows), all) in cuts.all.iter().zip(row.by_cut).zip(&mut by_cut) {
            match windows {
                Ok(windows) => all.extend(windows),
                Err(reason) => {
                    let name = cut.condition.map_or_else(String::new, |condition| format!("{}: ", condition.name()));
                    skipped.push(Skipped { path: labeled.input.name.clone(), reason: format!("{name}{reason}") });
                    // Why it cannot be used is said once.
                    if cut.condition.is_none() {
                        break;
                    }
                }
            }
        }
    }
    Ok((by_cut, damage))
}

impl Cuts {
    /// The recordings as they are, with the backbone of the detectors, and each condition without.
    fn new(model: &Model, detectors: Option<&Detectors>, stress: bool, seed: u64) -> Result<Self> {
        let mut all = vec![Cut { condition: None, windows: Windows::as_trained(model, detectors)? }];
        for (_, condition, _) in Condition::ALL.iter().filter(|_| stress) {
            let windows = Windows::as_trained(model, None)?.map_clip(|config| condition.clip_config(config));
            all.push(Cut { condition: Some(*condition), windows });
        }
        Ok(Self { all, clip: model.chain()?.clip, seed })
    }

    /// How much of a recording is needed: a condition looks at all that a row names, the recording as it is is looked at as
    /// far as its windows reach.
    fn until(&self, inputs: &[&Input]) -> Option<Until> {
        let rows = || inputs.iter().map(|input| &input.row);
        let window = Windowing { placement: Placement::Whole, ..self.clip.window };
        let whole = ClipConfig { window, ..self.clip };
        let of_conditions =
            rows().filter(|_| self.all.len() > 1).map(|row| whole.seconds_needed(row.start_s, row.end_s));
        enough(std::iter::once(self.all[0].windows.until(rows())).chain(of_conditions))
    }

    /// The windows of rows of one recording, the first of which is number `first` of its block.
    fn of_file(&self, first: usize, rows: &[Labeled]) -> Result<Vec<OfRow>> {
        let inputs: Vec<&Input> = rows.iter().map(|labeled| &labeled.input).collect();
        let path = &inputs[0].path;
        let recording = inputs[0].open()?;
        let until = self.until(&inputs);
        let declared_s = recording.declared_frames().map(|n| n as f64 / f64::from(recording.rate_hz()));
        let seconds = until.map(|until| until.seconds).into_iter().chain(declared_s).fold(f64::INFINITY, f64::min);
        if seconds.is_finite()
            && seconds * f64::from(recording.rate_hz()) * recording.n_channels() as f64 > MOST_SAMPLES
        {
            let minutes = seconds / 60.0;
            bail!(
                "{minutes:.0} minutes are too long for stress tests, which change a recording as a whole; use shorter ones"
            );
        }
        let decoded = recording.decode(until)?;
        let sha256 = sha256_of_file(path)?;
        let damage = damage_words(&decoded);
        let of_row = |(nth, labeled): (usize, &Labeled)| {
            let input = &labeled.input;
            // Under a condition the classes alone are measured.
            let cuts = if labeled.class.is_some() { &self.all[..] } else { &self.all[..1] };
            let by_cut = cuts.iter().map(|cut| {
                let windowed = match cut.condition {
                    None => cut.windows.of_decoded(first + nth, input, &decoded).map_err(Error::from),
                    Some(condition) => condition.apply(&decoded, &input.row, &sha256, self.seed).and_then(|changed| {
                        let input = Input { row: changed.row, ..input.clone() };
                        Ok(cut.windows.of_decoded(first + nth, &input, &changed.decoded)?)
                    }),
                };
                windowed.and_then(audible).map_err(|error| reason(&error, path))
            });
            OfRow { by_cut: by_cut.collect(), damage: damage.clone() }
        };
        Ok(rows.iter().enumerate().map(of_row).collect())
    }
}

/// The windows of a block of rows. Rows of one recording that follow each other are decoded together.
fn windows_of(cuts: &Cuts, block: &[Labeled], job: &Job<'_>) -> Result<Vec<OfRow>> {
    let files: Vec<&[Labeled]> = block.chunk_by(|a, b| a.input.is_of_same_file(&b.input)).collect();
    let starts = files.iter().scan(0, |next, rows| Some(std::mem::replace(next, *next + rows.len())));
    let starts: Vec<usize> = starts.collect();
    let of_file = |(rows, first): (&&[Labeled], &usize)| {
        job.check("nothing was written")?;
        Ok(match cuts.of_file(*first, rows) {
            Ok(of_rows) => of_rows,
            Err(error) => {
                let reason = reason(&error, &rows[0].input.path);
                let of_row = |_: &Labeled| OfRow { by_cut: vec![Err(reason.clone())], damage: String::new() };
                rows.iter().map(of_row).collect()
            }
        })
    };
    let of_files: Result<Vec<Vec<OfRow>>> = files.par_iter().zip(&starts).map(of_file).collect();
    Ok(of_files?.into_iter().flatten().collect())
}

/// The windows that hold sound; why not, where none does.
fn audible(windowed: Windowed) -> Result<Vec<Window>> {
    let silence = windowed.windows.first().and_then(|window| window.clip.silence);
    let audible: Vec<Window> = windowed.windows.into_iter().filter(|window| window.clip.silence.is_none()).collect();
    match silence {
        Some(silence) if audible.is_empty() => Err(audio_io::Error::Silent(silence).into()),
        _ => Ok(audible),
    }
}

fn verdict(window: &Window, labeled: &Labeled, probability: &[f32], outlier_p: Option<f64>) -> Verdict {
    Verdict {
        path: labeled.input.name.clone(),
        start_s: window.clip.start_s,
        end_s: window.clip.start_s + window.clip.seconds,
        channel: window.clip.channel,
        probability: probability.to_vec(),
        outlier_p,
        truth: labeled.truth.clone(),
        ..Verdict::default()
    }
}
