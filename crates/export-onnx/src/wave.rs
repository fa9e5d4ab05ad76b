//! From samples to the normalized spectrogram: level, framing, Fourier transform as convolution with fixed kernels, bands, scale.

use crate::error::{Error, Result};
use crate::graph::{Graph, Value, ints};
use audio_io::{ClipConfig, Level, TARGET_RMS};
use classifier::Normalization;
use features::{FrontEndConfig, Kind, LinearForm, Output, PcenConfig, Quietest, Reference, SMALLEST_POWER, Spectrum};
use std::f32::consts::LN_10;

/// Levels below this are silence, which stays silence.
const SMALLEST_LEVEL: f32 = 1e-30;

/// Sets the level of windows, `[B, 1, N]`, as clips have it.
///
/// # Errors
/// What a clip goes through and a graph cannot do.
pub(crate) fn level(graph: &mut Graph, wave: &Value, clip: &ClipConfig) -> Result<Value> {
    if clip.equalize.band_hz.is_some() || clip.equalize.floor_db.is_some() {
        let text = "a model that was trained with --equalize is not exported: its clips go through filters and noise that a graph has not";
        return Err(Error::Unsupported(text.into()));
    }
    Ok(match clip.level {
        Level::None => wave.clone(),
        Level::Peak => {
            let absolute = graph.one("Abs", wave);
            let peak = graph.reduce("ReduceMax", &absolute, &[2], true);
            let peak = graph.with("Max", &peak, SMALLEST_LEVEL);
            graph.two("Div", wave, &peak)
        }
        Level::Rms => {
            let squares = graph.two("Mul", wave, wave);
            let mean = graph.reduce("ReduceMean", &squares, &[2], true);
            let rms = graph.one("Sqrt", &mean);
            let rms = graph.with("Max", &rms, SMALLEST_LEVEL);
            let unit = graph.two("Div", wave, &rms);
            graph.with("Mul", &unit, TARGET_RMS)
        }
    })
}

/// The spectrogram of windows, `[B, 1, N]` to `[B, M, T]`.
///
/// # Errors
/// A front end that makes no sense.
pub(crate) fn spectrogram(
    graph: &mut Graph,
    wave: &Value,
    n_samples: usize,
    config: &FrontEndConfig,
    n_frames: usize,
) -> Result<Value> {
    let form = LinearForm::new(config)?;
    let behind = ((n_frames - 1) * form.hop + form.n_window).saturating_sub(form.ahead + n_samples);
    let kernels = graph.tensor(&[2 * form.n_bins, 1, form.n_window], form.real.iter().chain(&form.imaginary).copied());
    let attributes = vec![
        ints("kernel_shape", &[form.n_window as i64]),
        ints("strides", &[form.hop as i64]),
        ints("pads", &[form.ahead as i64, behind as i64]),
    ];
    let parts = graph.node("Conv", &[wave, &kernels], attributes); // [B, 2 * bins, T]
    let parts = graph.slice(&parts, 2, 0, n_frames);
    let squares = graph.two("Mul", &parts, &parts);
    let real = graph.slice(&squares, 1, 0, form.n_bins);
    let imaginary = graph.slice(&squares, 1, form.n_bins, 2 * form.n_bins);
    let power = graph.two("Add", &real, &imaginary);
    let (spectrum, output) = match &config.kind {
        Kind::LogMel(log_mel) => (log_mel.spectrum, log_mel.output),
        Kind::Stft(stft) => (stft.spectrum, stft.output),
        Kind::Mfcc(mfcc) => (Spectrum::Power, mfcc.output),
        Kind::Pcen(pcen) => (pcen.spectrum, Output::Linear),
    };
    let spectrum_of_bins = if spectrum == Spectrum::Magnitude { graph.one("Sqrt", &power) } else { power };
    let bands = match &form.bands {
        None => spectrum_of_bins,
        Some(bands) => {
            let weights = graph.tensor(&[bands.len() / form.n_bins, form.n_bins], bands.iter().copied());
            graph.two("MatMul", &weights, &spectrum_of_bins)
        }
    };
    let scaled = scale(graph, &bands, spectrum, output);
    Ok(match (&config.kind, &form.coefficients, form.smoothing) {
        (Kind::Pcen(pcen), _, Some(smoothing)) => compressed(graph, &scaled, pcen, smoothing, n_frames),
        (_, Some(rows), _) => {
            let n_bands = form.bands.as_ref().map_or(form.n_bins, |bands| bands.len() / form.n_bins);
            let rows = graph.tensor(&[rows.len() / n_bands, n_bands], rows.iter().copied());
            graph.two("MatMul", &rows, &scaled)
        }
        _ => scaled,
    })
}

fn scale(graph: &mut Graph, bands: &Value, spectrum: Spectrum, output: Output) -> Value {
    match output {
        Output::Linear => bands.clone(),
        Output::Ln(Quietest::Offset(offset)) => {
            let sum = graph.with("Add", bands, offset);
            graph.one("Log", &sum)
        }
        Output::Ln(Quietest::Floor(floor)) => {
            let floored = graph.with("Max", bands, floor);
            graph.one("Log", &floored)
        }
        Output::Db { reference, top_db } => {
            let power = if spectrum == Spectrum::Magnitude { graph.two("Mul", bands, bands) } else { bands.clone() };
            let floored = graph.with("Max", &power, SMALLEST_POWER);
            let natural = graph.one("Log", &floored);
            let mut db = graph.with("Mul", &natural, 10.0 / LN_10);
            if reference == Reference::Max {
                let peak = graph.reduce("ReduceMax", &db, &[1, 2], true);
                db = graph.two("Sub", &db, &peak);
            }
            match top_db {
                None => db,
                Some(top_db) => {
                    let peak = graph.reduce("ReduceMax", &db, &[1, 2], true);
                    let floor = graph.with("Sub", &peak, top_db);
                    graph.two("Max", &db, &floor)
                }
            }
        }
    }
}

/// PCEN of bands, `[B, M, T]`. Its low-pass is a product with a matrix, since the number of frames is fixed.
fn compressed(graph: &mut Graph, bands: &Value, config: &PcenConfig, smoothing: f64, n_frames: usize) -> Value {
    let x = graph.with("Mul", bands, config.input_scale as f32);
    // After frame t, frame s counts as smoothing * (1 - smoothing)^(t - s), and the beginning, which is 1, as what is left.
    let share = |s: usize, t: usize| if s <= t { smoothing * (1.0 - smoothing).powi((t - s) as i32) } else { 0.0 };
    let matrix = (0..n_frames).flat_map(|s| (0..n_frames).map(move |t| share(s, t) as f32));
    let matrix = graph.tensor(&[n_frames, n_frames], matrix);
    let rest = graph.tensor(&[n_frames], (0..n_frames).map(|t| (1.0 - smoothing).powi(t as i32 + 1) as f32));
    let moved = graph.two("MatMul", &x, &matrix);
    let smooth = graph.two("Add", &moved, &rest);
    let base = graph.with("Add", &smooth, config.eps as f32);
    let gain = graph.with("Pow", &base, -config.gain as f32);
    let y = graph.two("Mul", &x, &gain);
    let (bias, power) = (config.bias as f32, config.power as f32);
    if config.power == 0.0 {
        let sum = graph.with("Add", &y, 1.0);
        graph.one("Log", &sum)
    } else if config.bias == 0.0 {
        graph.with("Pow", &y, power)
    } else if config.power == 0.5 {
        // Without the cancellation where y is small.
        let sum = graph.with("Add", &y, bias);
        let root = graph.one("Sqrt", &sum);
        let below = graph.with("Add", &root, bias.sqrt());
        graph.two("Div", &y, &below)
    } else {
        let sum = graph.with("Add", &y, bias);
        let risen = graph.with("Pow", &sum, power);
        graph.with("Sub", &risen, bias.powf(power))
    }
}

/// Normalizes spectrograms, `[B, M, T]`.
pub(crate) fn normalized(graph: &mut Graph, mel: &Value, normalization: &Normalization) -> Value {
    let n = normalization.mean.len();
    let is_same = normalization.mean.iter().all(|m| *m == 0.0) && normalization.std.iter().all(|s| *s == 1.0);
    if is_same {
        return mel.clone();
    }
    let mean = graph.tensor(&[n, 1], normalization.mean.iter().copied());
    let factor = graph.tensor(&[n, 1], normalization.std.iter().map(|std| 1.0 / std));
    let centered = graph.two("Sub", mel, &mean);
    graph.two("Mul", &centered, &factor)
}
