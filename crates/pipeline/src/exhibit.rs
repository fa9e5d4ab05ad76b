//! A clip for a page: its spectrogram as a picture, its sound for a player.

use crate::error::{Context, Result};
use crate::features::axes;
use audio_io::{ClipConfig, Placement, Row, Windowing};
use features::FrontEnd;
use inference::{Chain, decode};
use std::path::Path;

/// Rate of the players' sound: half the size of CD quality, and all that the default front end takes.
const PLAYER_HZ: u32 = 22_050;

/// A clip as files that a page holds.
pub(crate) struct Exhibit {
    /// The spectrogram that a model would get (PNG).
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
    let bytes = audio_io::read_file(path)?;
    let window = Windowing { placement: Placement::Whole, ..chain.clip.window };
    let player = ClipConfig { sample_rate_hz: PLAYER_HZ, window, level: audio_io::Level::Peak, ..chain.clip };
    let decoded = decode(&bytes, path, None)?;
    let clips = chain.spectrograms(front_end, &decoded, row)?;
    let clip = clips.first().context("no sound")?;
    let axes = axes(front_end, clip.n_frames as f64 * front_end.frame_s(), title);
    let png = report::spectrogram_png(&clip.mel, front_end.n_bands(), clip.n_frames, &axes)?;
    let sound = audio_io::clips(&decoded, row.start_s, row.end_s, row.channel, &player)?;
    let samples = &sound.first().context("no sound")?.samples;
    let n = longest_s.map_or(samples.len(), |s| samples.len().min((s * f64::from(PLAYER_HZ)) as usize));
    Ok(Exhibit { png, wav: synth::to_wav_16(&samples[..n], PLAYER_HZ) })
}
