//! A clip to be seen and heard: its spectrogram as a picture, its sound for a player.

use crate::commands::axes;
use crate::front_end::Chain;
use anyhow::{Context, Result};
use audio_io::{ClipConfig, Placement, Row, Windowing};
use features::FrontEnd;
use std::path::Path;

/// Rate of the players' sound: half the size of CD quality, and still all that the front end hears.
const PLAYER_HZ: u32 = 22_050;

/// A clip as files that a page holds.
pub(crate) struct Exhibit {
    /// The spectrogram that a model would get (PNG).
    pub(crate) png: Vec<u8>,
    /// The sound (WAV), at its loudest.
    pub(crate) wav: Vec<u8>,
}

/// Reads the part of a recording that `row` names; at most `longest_s` of it is to be heard.
pub(crate) fn exhibit(
    path: &Path,
    row: &Row,
    title: String,
    chain: &Chain,
    front_end: &FrontEnd,
    longest_s: Option<f64>,
) -> Result<Exhibit> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let clips = chain.spectrograms(front_end, &bytes, path, row)?;
    let clip = clips.first().context("no sound")?;
    let axes = axes(front_end, clip.n_frames as f64 * chain.hop_s(), title);
    let png = report::spectrogram_png(&clip.mel, front_end.n_bands(), clip.n_frames, &axes)?;
    let window = Windowing { placement: Placement::Whole, ..chain.clip.window };
    let heard = ClipConfig { sample_rate_hz: PLAYER_HZ, window, level: audio_io::Level::Peak, ..chain.clip };
    let decoded = audio_io::decode_bytes(&bytes, path)?;
    let sound = audio_io::clips(&decoded, row.start_s, row.end_s, row.channel, &heard)?;
    let samples = &sound.first().context("no sound")?.samples;
    let n = longest_s.map_or(samples.len(), |s| samples.len().min((s * f64::from(PLAYER_HZ)) as usize));
    Ok(Exhibit { png, wav: synth::to_wav_16(&samples[..n], PLAYER_HZ) })
}
