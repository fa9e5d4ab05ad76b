//! Clips without sound: they get no class, and nothing is trained on them.

use crate::error::{Error, Result};
use audio_io::{Clip, Damage, Decoded};

/// Share of the loudest channel that rounding may leave where channels cancel each other out.
const ROUNDING: f32 = 4.0 * f32::EPSILON;

/// Whether a clip holds no sound: digital silence, a constant offset, or channels that cancel each other out. Compared
/// are the frames of the recording that the clip was made of, before level and rate are changed.
pub fn is_silent(decoded: &Decoded, clip: &Clip) -> bool {
    let rate_hz = f64::from(decoded.rate_hz);
    let first = (clip.start_s * rate_hz - 1e-6).ceil().max(0.0) as usize;
    let last = (((clip.start_s + clip.seconds) * rate_hz + 1e-6).floor() as usize).min(decoded.n_frames());
    if first >= last {
        return false;
    }
    let of_clip = |(number, _): &(usize, &Vec<f32>)| clip.channel.is_none_or(|one| usize::from(one) == *number);
    let channels = decoded.channels.iter().enumerate().filter(of_clip);
    let channels: Vec<&[f32]> = channels.map(|(_, samples)| &samples[first..last]).collect(); // [C, n]
    if let [one] = channels[..] {
        return one.iter().all(|sample| *sample == one[0]);
    }
    let peak = channels.iter().copied().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let tolerance = ROUNDING * peak * channels.len() as f32;
    let sum = |frame: usize| channels.iter().map(|samples| samples[frame]).sum::<f32>();
    let begin = sum(0);
    (0..last - first).all(|frame| (sum(frame) - begin).abs() <= tolerance)
}

/// The clips that hold sound.
///
/// # Errors
/// Where none does: why.
pub fn audible<T>(clips: Vec<T>, is_silent: impl Fn(&T) -> bool, damage: &[Damage]) -> Result<Vec<T>> {
    let n = clips.len();
    let audible: Vec<T> = clips.into_iter().filter(|clip| !is_silent(clip)).collect();
    if n > 0 && audible.is_empty() {
        let reason = damage.iter().find(|damage| **damage == Damage::Silent).map(ToString::to_string);
        return Err(Error::Invalid(
            reason.unwrap_or_else(|| "silent once channels are mixed and the clip is cut".into()),
        ));
    }
    Ok(audible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(channels: Vec<Vec<f32>>, channel: Option<u16>) -> bool {
        let n = channels[0].len();
        let decoded = Decoded {
            rate_hz: 100,
            channels,
            format: "wav".into(),
            codec: "pcm_f32".into(),
            bits: None,
            declared_frames: None,
            damage: Vec::new(),
            stopped: false,
        };
        let seconds = n as f64 / 200.0;
        let clip = Clip { start_s: seconds, seconds, channel, samples: Vec::new(), n_real: 0 };
        is_silent(&decoded, &clip)
    }

    #[test]
    fn what_has_one_value_throughout_is_silent() {
        let tone: Vec<f32> = (0..100).map(|i| (i as f32 * 0.7).sin()).collect();
        let inverted: Vec<f32> = tone.iter().map(|sample| -sample).collect();
        let late = [&tone[..50], &[0.25; 50]].concat();
        assert!(silent(vec![vec![0.0; 100]], None));
        assert!(silent(vec![vec![-0.5; 100]], None));
        assert!(silent(vec![late], None), "the clip is the second half");
        assert!(silent(vec![tone.clone(), inverted.clone()], None));
        assert!(!silent(vec![tone.clone(), inverted], Some(1)));
        assert!(silent(vec![tone.clone(), vec![0.0; 100]], Some(1)));
        assert!(!silent(vec![tone.clone(), vec![0.0; 100]], None));
        assert!(!silent(vec![tone], None));
    }
}
