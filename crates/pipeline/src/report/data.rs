//! The sections about the data: what the doctor found, and augmented views that the model was trained on.

use super::tables::{json, strings};
use crate::error::Result;
use crate::features::axes;
use augment::{SpectrogramAugment, augment, seed_for};
use classifier::ModelHeader;
use inference::{Chain, one_line};
use report::{LineFigure, Section, SoundCard, spectrogram_png};
use shard::Clips;
use std::path::Path;

/// Clips whose views are shown, at most.
const MOST_CLASSES: usize = 4;
/// Heading of the section of views.
const TITLE: &str = "Augmented views";
/// Views of each.
const VIEWS: usize = 3;

/// What `doctor` wrote into one of the folders; else how to get it.
pub(super) fn doctor(folders: &[&Path], run: &str) -> Result<Section> {
    let title = "What the doctor found in the data".to_owned();
    for folder in folders {
        let Some(found) = json(&folder.join("doctor.json"))? else { continue };
        let examination = &found["examination"];
        let figure = |of: &serde_json::Value| {
            let figure = &of["balanced_accuracy"];
            Some(LineFigure {
                name: of["nuisance"].as_str()?.replace('_', " "),
                value: figure["value"].as_f64()?,
                interval: [figure["low"].as_f64()?, figure["high"].as_f64()?],
                chance: of["chance"].as_f64()?,
                note: of["typical"].as_str().unwrap_or_default().to_owned(),
                alarm: of["is_shortcut"] == true,
            })
        };
        let shortcuts = examination["shortcuts"].as_array().into_iter().flatten();
        let figures: Vec<LineFigure> = shortcuts.filter_map(figure).collect();
        let mut text = strings(&examination["summary"]);
        if !figures.is_empty() {
            text.push("How well a property of the recordings alone separates the classes:".into());
        }
        return Ok(Section { title, text, figures, ..Section::default() });
    }
    let text = format!(
        "Not examined. `barkbird doctor MANIFEST --out FOLDER` finds duplicates, leaks, shortcuts and doubtful labels; \
         `barkbird report {run} --doctor FOLDER` shows them here."
    );
    Ok(Section { title, text: vec![text], ..Section::default() })
}

/// Views of a training clip of each class: those in the features folder, and as the training changes spectrograms. None where the
/// folder is gone, or nothing is changed.
pub(super) fn views(features: &Path, header: &ModelHeader, chain: &Chain, seed: u64) -> Result<Option<Section>> {
    let config: Option<SpectrogramAugment> =
        header.training.get("augment").and_then(|of| serde_json::from_value(of.clone()).ok());
    let clips = match Clips::open(features) {
        Ok(clips) => clips,
        Err(_) if !storage::exists(features.join("index.json")) => return Ok(None),
        Err(error) => {
            let text = vec![format!("The features that the model was trained on are not shown. {}.", one_line(&error))];
            return Ok(Some(Section { title: TITLE.into(), text, ..Section::default() }));
        }
    };
    let is_changed = config.is_some() || clips.view.iter().any(|view| *view > 0);
    if !is_changed || chain.onnx.is_some() || clips.n_mels != header.normalization.mean.len() {
        return Ok(None);
    }
    let front_end = chain.build_picture()?;
    let train = clips.header.splits.iter().position(|split| split == "train").unwrap_or(0) as u8;
    let mut sounds = Vec::new();
    for class in 0..clips.header.classes.len().min(MOST_CLASSES) {
        let is_of = |&row: &usize| clips.label[row] == class as u32 && clips.split[row] == train;
        let Some(first) = (0..clips.n_clips()).filter(is_of).find(|&row| clips.view[row] == 0) else {
            continue;
        };
        let original = clips.record(first)?;
        let same = |row: &usize| clips.id[*row] == clips.id[first] && clips.view[*row] > 0;
        let made: Vec<usize> = (0..clips.n_clips()).filter(same).take(VIEWS).collect();
        let mut push = |mel: &[f32], verdict: &str, note: String| -> Result<()> {
            let axes = axes(&front_end, clips.n_frames as f64 * chain.hop_s(), original.path.clone());
            let png = spectrogram_png(mel, clips.n_mels, clips.n_frames, &axes)?;
            let (verdict, path) = (verdict.to_owned(), original.path.clone());
            sounds.push(SoundCard { verdict, note, path, png, ..SoundCard::default() });
            Ok(())
        };
        let mut mel = vec![0.0; clips.n_cells()];
        clips.read(first, &mut mel)?;
        push(&mel, "as it is", format!("labeled {}", clips.header.classes[class]))?;
        let mut view = mel.clone();
        for row in &made {
            clips.read(*row, &mut view)?;
            push(&view, "a view of the sound", clips.record(*row)?.steps.join("; "))?;
        }
        let Some(config) = &config else { continue };
        for nth in made.len()..VIEWS {
            view.copy_from_slice(&mel);
            let (fill, per_db) = (&header.normalization.mean, chain.unit_per_db());
            augment(
                &mut view,
                clips.n_mels,
                clips.n_frames,
                fill,
                config,
                per_db,
                seed_for(seed, class as u64, nth as u64 + 1),
            );
            push(&view, "as in training", "spectrogram augmented".into())?;
        }
    }
    if sounds.is_empty() {
        return Ok(None);
    }
    let text = "A training clip of each class, and what augmentation makes of it: the model sees another view in every epoch. A view in \
                which you could not recognize the class any more is too strong."
        .to_owned();
    Ok(Some(Section { title: TITLE.into(), text: vec![text], sounds, ..Section::default() }))
}
