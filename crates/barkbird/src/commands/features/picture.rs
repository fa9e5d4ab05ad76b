//! One recording's spectrogram as a PNG.

use crate::front_end::Chain;
use crate::ui::Ui;
use anyhow::{Context, Result};
use audio_io::{ClipConfig, Placement, Row, Windowing};
use std::path::Path;

/// Draws the whole recording, however long the front end's windows are.
pub(crate) fn draw(recording: &Path, out: &Path, chain: &Chain, ui: &Ui) -> Result<()> {
    let bytes = std::fs::read(recording).with_context(|| format!("{}: cannot be read", recording.display()))?;
    let window = Windowing { placement: Placement::Whole, ..chain.clip.window };
    let clip = ClipConfig { window, ..chain.clip };
    let whole = Chain { clip, ..chain.clone() };
    let front_end = whole.build()?;
    let clips = whole.spectrograms(&front_end, &bytes, recording, &Row::default())?;
    let clip = clips.first().with_context(|| format!("{}: holds no sound", recording.display()))?;
    let name = recording.file_name().unwrap_or_default().to_string_lossy();
    let axes = axes(&front_end, clip.n_frames as f64 * chain.hop_s(), name.into_owned());
    let png = report::spectrogram_png(&clip.mel, front_end.n_bands(), clip.n_frames, &axes)?;
    shard::write_atomic(out, &png)?;
    ui.say(format!("{}: {:.2} s, {} bands: {}", recording.display(), clip.seconds, front_end.n_bands(), out.display()));
    ui.result(&serde_json::json!({"recording": recording, "out": out, "seconds": clip.seconds}))
}

/// What the picture's axes say.
pub(crate) fn axes(front_end: &features::FrontEnd, seconds: f64, title: String) -> report::Axes {
    report::Axes { seconds, band_hz: front_end.band_hz(), title, unit: "Hz".into() }
}
