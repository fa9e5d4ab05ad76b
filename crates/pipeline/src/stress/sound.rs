//! What conditions do to the samples of one channel.
//!
//! Values are constants of the stress tests and not those of the augmentation's presets, so that figures of different versions
//! can be compared.

use augment::waveform::{BandLimit, Code, Codec, Color, Noise, Room, WaveformAugment, augment_waveform};

/// The largest sample of 16 bits, as a count of steps.
const STEPS: f32 = 32_768.0;

/// Through a lossy codec.
pub(super) fn lossy(samples: &mut Vec<f32>, rate_hz: u32, kbit_s: f32) {
    *samples = augment::waveform::lossy(samples, rate_hz, kbit_s);
}

/// The band of a telephone (ITU-T G.712), and A-law with full scale at the peak.
pub(super) fn telephone(samples: &mut Vec<f32>, rate_hz: u32) {
    let band_limit = BandLimit { share: 1.0, low_hz: [300.0; 2], high_hz: [3400.0; 2] };
    let codec = Codec { share: 1.0, codes: vec![Code::ALaw] };
    apply(samples, rate_hz, &WaveformAugment { band_limit, codec, ..WaveformAugment::off() }, 0);
}

/// So many decibels louder, cut off at full scale, in steps of 16 bits.
pub(super) fn gain_16_bit(samples: &mut [f32], gain_db: f32) {
    let factor = 10f32.powf(gain_db / 20.0);
    for sample in samples {
        *sample = (*sample * factor * STEPS).round().clamp(-STEPS, STEPS - 1.0) / STEPS;
    }
}

/// In a drawn room.
pub(super) fn room(samples: &mut Vec<f32>, rate_hz: u32, seed: u64) {
    let room = Room { share: 1.0, reverberation_s: [0.2, 1.2], side_m: [2.0, 20.0] };
    apply(samples, rate_hz, &WaveformAugment { room, ..WaveformAugment::off() }, seed);
}

/// Pink noise, `snr_db` below the power of a sound; zeros where the sound is silent.
///
/// # Shapes
/// `[n]` to `[n]`.
pub(super) fn noise(sound: &[f32], rate_hz: u32, snr_db: f32, seed: u64) -> Vec<f32> {
    let noise = Noise { share: 1.0, snr_db: [snr_db; 2], colors: vec![Color::Pink] };
    let mut noisy = sound.to_vec();
    apply(&mut noisy, rate_hz, &WaveformAugment { noise, ..WaveformAugment::off() }, seed);
    noisy.iter().zip(sound).map(|(noisy, clean)| noisy - clean).collect()
}

fn apply(samples: &mut Vec<f32>, rate_hz: u32, config: &WaveformAugment, seed: u64) {
    augment_waveform(samples, rate_hz, config, &[], seed);
}
