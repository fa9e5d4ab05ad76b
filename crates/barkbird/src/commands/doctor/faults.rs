//! What is wrong with one recording by itself.

use super::listen::Fault;
use audio_io::{Damage, Decoded};

/// Shortest recording from which anything can be learned, in seconds.
const MIN_S: f64 = 0.05;
/// Share of the samples in clipped runs from which a recording counts as clipped.
const CLIPPED_SHARE: f64 = 0.001;
/// Samples in a row at the greatest value that make a clipped run.
const CLIPPED_RUN: usize = 3;
/// Mean of the samples, as a share of their root mean square, from which there is a constant voltage in the recording.
const DC_SHARE: f64 = 0.25;

/// All that is wrong; `samples` are those of the row, mixed to one channel.
pub(super) fn faults(decoded: &Decoded, samples: &[f32]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut say = |kind: &str, evidence: String, unusable: bool| {
        faults.push(Fault { kind: kind.into(), evidence, unusable });
    };
    let seconds = samples.len() as f64 / f64::from(decoded.rate_hz);
    if seconds < MIN_S {
        say("too-short", format!("{seconds:.3} s"), true);
    }
    for damage in &decoded.damage {
        let unusable = matches!(damage, Damage::Silent | Damage::HeaderOnly | Damage::ZeroLength);
        let kind = match damage {
            Damage::Silent => "silent",
            Damage::NotFinite(_) => "not-finite",
            _ => "truncated",
        };
        say(kind, damage.to_string(), unusable);
    }
    faults
}
