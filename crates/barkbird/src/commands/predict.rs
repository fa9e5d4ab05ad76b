//! `barkbird predict`: what is heard in recordings, window by window.

use crate::cancel;
use crate::cli::{Format, Global, PredictArgs};
use crate::device;
use crate::front_end::{Chain, ClipSpectrogram};
use crate::inputs::{self, Input};
use crate::model::Loaded;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use audio_io::{ClipConfig, Placement, Windowing};
use features::FrontEnd;
use rayon::prelude::*;
use shard::Skipped;
use train::Prediction;

/// Recordings in memory at once.
const BLOCK: usize = 32;
/// Windows a forward pass.
const BATCH: usize = 32;
/// Columns of the CSV beside those of the classes.
const FIXED_COLUMNS: usize = 7;

pub(crate) fn run(args: &PredictArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let chain = sliding(&loaded.chain()?, args.overlap)?;
    let inputs = inputs::collect(&args.inputs)?;
    let (predictions, skipped) = predict(&loaded, &chain, &device, &inputs, ui)?;
    let classes = &loaded.header.classes;
    let bytes = match args.format {
        Format::Csv => to_csv(&predictions, &skipped, classes, args.unsure_below)?,
        Format::Json => to_json(&predictions, &skipped, classes, args.unsure_below)?,
    };
    match &args.out {
        Some(path) => {
            shard::write_atomic(path, &bytes)?;
            ui.say(format!("{} windows of {} recordings: {}", predictions.len(), inputs.len(), path.display()));
            if ui.json() {
                ui.stdout(&to_json(&predictions, &skipped, classes, args.unsure_below)?)?;
            }
        }
        None if ui.json() => ui.stdout(&to_json(&predictions, &skipped, classes, args.unsure_below)?)?,
        None => ui.stdout(&bytes)?,
    }
    for s in &skipped {
        ui.warn(format!("{}: {}", s.path, s.reason));
    }
    if predictions.is_empty() {
        bail!("none of the {} recordings could be used; the reasons are above", inputs.len());
    }
    Ok(())
}

/// The model's windows laid over the whole recording.
fn sliding(chain: &Chain, overlap_s: f64) -> Result<Chain> {
    if !(0.0..chain.clip.window.seconds).contains(&overlap_s) {
        bail!("--overlap {overlap_s}: expected less than the model's window of {} s", chain.clip.window.seconds);
    }
    let window = Windowing { placement: Placement::Sliding { overlap_s }, ..chain.clip.window };
    Ok(Chain { clip: ClipConfig { window, ..chain.clip }, ..chain.clone() })
}

/// Predicts block by block, so that memory does not grow with the number of recordings.
pub(crate) fn predict(
    loaded: &Loaded,
    chain: &Chain,
    device: &candle_core::Device,
    inputs: &[Input],
    ui: &Ui,
) -> Result<(Vec<Prediction>, Vec<Skipped>)> {
    let front_end = chain.build()?;
    let bar = ui.bar(inputs.len(), "predict");
    let (mut predictions, mut skipped) = (Vec::new(), Vec::new());
    for block in inputs.chunks(BLOCK) {
        cancel::check("nothing was written")?;
        let computed: Vec<_> = block.par_iter().map(|input| spectrograms(chain, &front_end, input)).collect();
        let mut windows: Vec<(&Input, ClipSpectrogram)> = Vec::new();
        for (input, clips) in block.iter().zip(computed) {
            match clips {
                Ok(clips) => windows.extend(clips.into_iter().map(|clip| (input, clip))),
                Err(error) => skipped.push(Skipped { path: input.name.clone(), reason: crate::one_line(&error) }),
            }
        }
        predictions.extend(ask(loaded, device, &windows, front_end.n_bands())?);
        bar.inc(block.len() as u64);
    }
    bar.finish_and_clear();
    Ok((predictions, skipped))
}

fn spectrograms(chain: &Chain, front_end: &FrontEnd, input: &Input) -> Result<Vec<ClipSpectrogram>> {
    let bytes = std::fs::read(&input.path).context("cannot be read")?;
    chain.spectrograms(front_end, &bytes, &input.path, &input.row)
}

fn ask(
    loaded: &Loaded,
    device: &candle_core::Device,
    windows: &[(&Input, ClipSpectrogram)],
    n_mels: usize,
) -> Result<Vec<Prediction>> {
    let Some((_, first)) = windows.first() else { return Ok(Vec::new()) };
    let mels: Vec<&[f32]> = windows.iter().map(|(_, clip)| clip.mel.as_slice()).collect();
    let rows = train::predict_mels(loaded.predictor(device), &mels, n_mels, first.n_frames, BATCH, &|i| {
        windows[i].0.name.clone()
    })?;
    let prediction = |(i, (input, clip)): (usize, &(&Input, ClipSpectrogram))| Prediction {
        path: input.name.clone(),
        start_s: clip.start_s,
        end_s: clip.start_s + clip.seconds,
        probability: rows.probability(i).to_vec(),
        outlier_p: None,
        truth: Some(input.row.label.clone()).filter(|label| !label.is_empty()),
    };
    Ok(windows.iter().enumerate().map(prediction).collect())
}

/// The columns that `evaluate` writes too. A recording that could not be used has a row without a label.
fn to_csv(predictions: &[Prediction], skipped: &[Skipped], classes: &[String], unsure_below: f32) -> Result<Vec<u8>> {
    let mut bytes = train::predictions_csv(predictions, classes, unsure_below)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    for s in skipped {
        let mut row = vec![""; FIXED_COLUMNS + classes.len()];
        row[0] = &s.path;
        writer.write_record(&row)?;
    }
    bytes.extend(writer.into_inner().map_err(|e| anyhow::anyhow!("predictions: {e}"))?);
    Ok(bytes)
}

fn to_json(predictions: &[Prediction], skipped: &[Skipped], classes: &[String], unsure_below: f32) -> Result<Vec<u8>> {
    let one = |p: &Prediction| {
        let (label, probability) = p.label(classes, unsure_below);
        let named = classes.iter().zip(&p.probability).map(|(class, p)| (class.clone(), serde_json::json!(p)));
        serde_json::json!({
            "path": p.path, "start": p.start_s, "end": p.end_s, "label": label, "probability": probability,
            "outlier_p": p.outlier_p, "probabilities": named.collect::<serde_json::Map<_, _>>(), "truth": p.truth,
        })
    };
    let predictions: Vec<_> = predictions.iter().map(one).collect();
    let value = serde_json::json!({"classes": classes, "predictions": predictions, "skipped": skipped});
    let mut bytes = serde_json::to_vec_pretty(&value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
