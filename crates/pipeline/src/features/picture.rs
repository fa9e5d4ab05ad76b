//! One recording's spectrogram as a PNG.

use super::FrontEndOptions;
use crate::error::{Context, Result};
use crate::inputs::{Expected, expect};
use crate::job::Job;
use crate::output;
use audio_io::{BLOCK_FRAMES, ClipConfig, Placement, Recording, Row, RowReader, Windowing};
use inference::{Chain, damage_words};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Options of [`draw`].
#[derive(Debug, Clone)]
pub struct PictureOptions {
    /// The recording.
    pub recording: PathBuf,
    /// The PNG.
    pub out: PathBuf,
    /// The front end.
    pub front_end: FrontEndOptions,
}

impl PictureOptions {
    /// The default front end.
    pub fn new(recording: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { recording: recording.into(), out: out.into(), front_end: FrontEndOptions::default() }
    }
}

/// A picture that was drawn.
#[derive(Debug, Clone, Serialize)]
pub struct Picture {
    /// The recording.
    pub recording: PathBuf,
    /// The PNG.
    pub out: PathBuf,
    /// Length of the recording.
    pub seconds: f64,
    /// Bands of the spectrogram.
    pub bands: usize,
}

/// Draws the whole recording, however long the front end's windows are.
///
/// # Errors
/// A recording that cannot be read or holds no sound, or a file that cannot be written.
pub fn draw(options: &PictureOptions, job: &Job<'_>) -> Result<Picture> {
    output::file(&options.out)?;
    expect(&options.recording, Expected::Recording)?;
    let chain = super::chain(&options.front_end, job)?;
    let recording: &Path = &options.recording;
    let window = Windowing { placement: Placement::Whole, ..chain.clip.window };
    let clip = ClipConfig { window, ..chain.clip };
    let whole = Chain { clip, ..chain.clone() };
    let front_end = whole.build_picture()?;
    let reader = RowReader::new(Recording::open(recording)?, BLOCK_FRAMES);
    let name = || recording.display().to_string();
    let (clips, known) = reader.clips_of(&Row::default(), [&whole.clip], None).with_context(name)?;
    let damage = damage_words(&known);
    if !damage.is_empty() {
        job.warn(format!("{}: {damage}", recording.display()));
    }
    let clip = clips
        .first()
        .and_then(|clips| clips.first())
        .with_context(|| format!("{}: holds no sound", recording.display()))?;
    let name = recording.file_name().unwrap_or_default().to_string_lossy();
    let (mel, n_frames) = (front_end.compute_one(&clip.samples)?, front_end.n_frames(clip.samples.len()));
    let axes = axes(&front_end, n_frames as f64 * chain.hop_s(), name.into_owned());
    let png = report::spectrogram_png(&mel, front_end.n_bands(), n_frames, &axes)?;
    shard::write_atomic(&options.out, &png)?;
    Ok(Picture {
        recording: options.recording.clone(),
        out: options.out.clone(),
        seconds: clip.seconds,
        bands: front_end.n_bands(),
    })
}

/// Labels of a picture's axes.
pub(crate) fn axes(front_end: &features::FrontEnd, seconds: f64, title: String) -> report::Axes {
    report::Axes { seconds, band_hz: front_end.band_hz(), title, unit: "Hz".into() }
}
