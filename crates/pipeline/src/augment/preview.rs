//! Each augmentation step applied to one recording, as sounds and a picture.

use super::options::{Options, backgrounds};
use crate::config::AugmentConfig;
use crate::error::{Context, Result, bail};
use crate::extraction::views::varied;
use crate::features::axes;
use crate::job::Job;
use audio_io::{BLOCK_FRAMES, Clip, Recording, Row, RowReader};
use augment::waveform::{WaveformAugment, WaveformStep};
use augment::{augment, seed_for};
use inference::{Chain, damage_words};
use report::Panel;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A recording after each step.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The recording.
    pub recording: PathBuf,
    /// A picture of all of them.
    pub picture: PathBuf,
    /// The sounds.
    pub sounds: Vec<PreviewFile>,
}

/// A recording after one step.
#[derive(Debug, Clone, Serialize)]
pub struct PreviewFile {
    /// The WAV file.
    pub file: PathBuf,
    /// What was done.
    pub steps: String,
}

/// Pictures beside each other.
const N_COLUMNS: usize = 3;

/// Writes the recording's first clip as it is, after each step alone, and after all that the configuration draws, each
/// as a WAV file; and a picture of all of them, and of a view of the spectrogram, in `preview.png`.
pub(super) fn write(
    recording: &Path,
    options: &Options,
    config: &AugmentConfig,
    chain: &Chain,
    job: &Job<'_>,
) -> Result<Preview> {
    let row = Row::default();
    let reader = RowReader::new(Recording::open(recording)?, BLOCK_FRAMES);
    let configs = [&chain.clip, &chain.without_floor().clip];
    let (clips, known) = reader.clips_of(&row, configs, chain.until(&row))?;
    let mut clips = clips.into_iter();
    let mut first = || {
        let clip = clips.next().and_then(|clips| clips.into_iter().next());
        clip.with_context(|| format!("{}: holds no sound", recording.display()))
    };
    let (clip, bare) = (first()?, first()?);
    let damage = damage_words(&known);
    if !damage.is_empty() {
        job.warn(format!("{}: {damage}", recording.display()));
    }
    if clip.is_silent() {
        bail!("{}: silent; there is nothing to augment", recording.display());
    }
    let backgrounds = backgrounds(options, chain, job)?.sounds;
    let seed = seed_for(job.seed(), 0, 1);
    let vary = |config: &WaveformAugment| varied(&bare, &chain.clip, config, &backgrounds, seed);

    let mut sounds: Vec<(&str, Clip, Vec<String>)> = vec![("original", clip.clone(), Vec::new())];
    for step in WaveformStep::ALL {
        let (sound, said) = vary(&config.waveform.only(step));
        if said.is_empty() {
            job.say(format!("{}: changes nothing here", step.name()));
        } else {
            sounds.push((step.name(), sound, said));
        }
    }
    let (sound, said) = vary(&config.waveform);
    sounds.push(("all", sound, said));

    storage::create_dir_all(&options.out).with_context(|| options.out.display().to_string())?;
    let front_end = chain.build_picture()?;
    let n_bands = front_end.n_bands();
    let mut panels = Vec::new();
    let mut files = Vec::new();
    for (i, (name, sound, said)) in sounds.iter().enumerate() {
        let file = options.out.join(format!("{i:02}-{name}.wav"));
        shard::write_atomic(&file, &synth::to_wav_16(&sound.samples, chain.clip.sample_rate_hz))?;
        let said = if said.is_empty() { (*name).to_owned() } else { said.join("; ") };
        job.say(format!("{}: {said}", file.display()));
        let title = if *name == "all" { "all that is drawn".to_owned() } else { said.clone() };
        panels.push((front_end.compute_one(&sound.samples)?, front_end.n_frames(sound.samples.len()), title));
        files.push(PreviewFile { file, steps: said });
    }
    // Masked cells hold the clip's own means here: there is no training set.
    let (mut mel, n_frames) = (panels[0].0.clone(), panels[0].1);
    let fill: Vec<f32> = mel.chunks(n_frames).map(|band| band.iter().sum::<f32>() / n_frames as f32).collect();
    augment(&mut mel, n_bands, n_frames, &fill, &config.spectrogram, chain.unit_per_db(), seed);
    panels.push((mel, n_frames, "of the spectrogram".to_owned()));

    let panel = |(mel, n_frames, title): &(Vec<f32>, usize, String)| Panel {
        mel: mel.clone(),
        n_bands,
        n_frames: *n_frames,
        axes: axes(&front_end, *n_frames as f64 * chain.hop_s(), title.clone()),
    };
    let panels: Vec<Panel> = panels.iter().map(panel).collect();
    let picture = options.out.join("preview.png");
    shard::write_atomic(&picture, &report::spectrogram_sheet(&panels, N_COLUMNS)?)?;
    Ok(Preview { recording: recording.to_owned(), picture, sounds: files })
}
