//! A clip for a page: its spectrogram as a picture, its sound for a player.

use crate::error::{Context, Result};
use crate::features::axes;
use audio_io::{BLOCK_FRAMES, ClipConfig, OPUS_RATE_HZ, Placement, Recording, Row, RowReader, Windowing, to_opus};
use features::FrontEnd;
use inference::Chain;
use std::path::Path;

/// A clip as files that a page holds.
pub(crate) struct Exhibit {
    /// The spectrogram that a model would get, if it takes one (PNG).
    pub png: Vec<u8>,
    /// The sound at 48 kHz, its peak at full scale.
    pub samples: Vec<f32>,
    /// The same as a file (OGG with Opus).
    pub ogg: Vec<u8>,
}

/// Reads the part of a recording that `row` names; the sound is cut at `longest_s`.
pub(crate) fn exhibit(
    path: &Path,
    row: &Row,
    title: String,
    chain: &Chain,
    front_end: &FrontEnd,
    longest_s: Option<f64>,
) -> Result<Exhibit> {
    let window = Windowing { placement: Placement::Whole, ..chain.clip.window };
    let player = ClipConfig { sample_rate_hz: OPUS_RATE_HZ, window, level: audio_io::Level::Peak, ..chain.clip };
    // The recording is decoded as far as the row reaches, and what is before it is passed over.
    let reader = RowReader::new(Recording::open(path)?, BLOCK_FRAMES);
    let (clips, _) = reader.clips_of(row, [&chain.clip, &player], None)?;
    let first = |by: usize| clips.get(by).and_then(|clips| clips.first()).context("no sound");
    let clip = &first(0)?.samples;
    let (mel, n_frames) = (front_end.compute_one(clip)?, front_end.n_frames(clip.len()));
    let axes = axes(front_end, n_frames as f64 * chain.hop_s(), title);
    let png = report::spectrogram_png(&mel, front_end.n_bands(), n_frames, &axes)?;
    let mut samples = first(1)?.samples.clone();
    let n = longest_s.map_or(samples.len(), |s| samples.len().min((s * f64::from(OPUS_RATE_HZ)) as usize));
    samples.truncate(n);
    Ok(Exhibit { png, ogg: to_opus(&samples)?, samples })
}
