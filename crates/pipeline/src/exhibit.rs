//! A clip for a page: its spectrogram as a picture, its sound for a player.

use crate::error::{Context, Result};
use crate::features::axes;
use audio_io::{BLOCK_FRAMES, ClipConfig, Placement, Recording, Row, RowReader, Windowing};
use features::FrontEnd;
use inference::Chain;
use std::path::Path;

/// Rate of the players' sound: half the size of CD quality, and all that the default front end takes.
const PLAYER_HZ: u32 = 22_050;

/// A clip as files that a page holds.
pub(crate) struct Exhibit {
    /// The spectrogram that a model would get, if it takes one (PNG).
    pub png: Vec<u8>,
    /// The sound (WAV), its peak at full scale.
    pub wav: Vec<u8>,
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
    let player = ClipConfig { sample_rate_hz: PLAYER_HZ, window, level: audio_io::Level::Peak, ..chain.clip };
    // The recording is decoded as far as the row reaches, and what is before it is passed over.
    let reader = RowReader::new(Recording::open(path)?, BLOCK_FRAMES);
    let (clips, _) = reader.clips_of(row, [&chain.clip, &player], None)?;
    let first = |by: usize| clips.get(by).and_then(|clips| clips.first()).context("no sound");
    let clip = &first(0)?.samples;
    let (mel, n_frames) = (front_end.compute_one(clip)?, front_end.n_frames(clip.len()));
    let axes = axes(front_end, n_frames as f64 * chain.hop_s(), title);
    let png = report::spectrogram_png(&mel, front_end.n_bands(), n_frames, &axes)?;
    let samples = &first(1)?.samples;
    let n = longest_s.map_or(samples.len(), |s| samples.len().min((s * f64::from(PLAYER_HZ)) as usize));
    Ok(Exhibit { png, wav: synth::to_wav_16(&samples[..n], PLAYER_HZ) })
}
