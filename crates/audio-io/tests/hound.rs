//! WAV files of another writer: both readers find the same samples.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::io::Cursor;
use std::path::Path;

use audio_io::decode_bytes;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use proptest::prelude::*;

fn write<S: hound::Sample + Copy>(spec: WavSpec, samples: &[S]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut out, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    out.into_inner()
}

/// Channels of interleaved samples.
fn apart(interleaved: &[f32], n_channels: usize) -> Vec<Vec<f32>> {
    (0..n_channels).map(|channel| interleaved.iter().skip(channel).step_by(n_channels).copied().collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn integers_of_every_width_are_read_alike(
        bits in prop::sample::select(vec![8u16, 16, 24, 32]),
        n_channels in 1u16..5,
        rate_hz in 1000u32..400_000,
        values in prop::collection::vec(any::<i32>(), 1..200),
    ) {
        let n = values.len() / usize::from(n_channels) * usize::from(n_channels);
        let values: Vec<i32> = values[..n].iter().map(|value| value >> (32 - bits)).collect();
        let spec =
            WavSpec { channels: n_channels, sample_rate: rate_hz, bits_per_sample: bits, sample_format: SampleFormat::Int };
        let bytes = write(spec, &values);
        let full_scale = 2f64.powi(i32::from(bits) - 1);
        let read = WavReader::new(Cursor::new(&bytes)).unwrap().into_samples::<i32>();
        let expected: Vec<f32> = read.map(|value| (f64::from(value.unwrap()) / full_scale) as f32).collect();
        let decoded = decode_bytes(&bytes, Path::new("a.wav")).unwrap();
        prop_assert_eq!(decoded.rate_hz, rate_hz);
        prop_assert_eq!(decoded.channels, apart(&expected, usize::from(n_channels)));
        prop_assert!(decoded.notes.is_empty(), "{:?}", decoded.notes);
        prop_assert!(decoded.damage.iter().all(audio_io::Damage::is_fatal), "{:?}", decoded.damage);
    }

    #[test]
    fn floats_are_read_alike(n_channels in 1u16..5, values in prop::collection::vec(-4.0f32..4.0, 1..200)) {
        let n = values.len() / usize::from(n_channels) * usize::from(n_channels);
        let spec =
            WavSpec { channels: n_channels, sample_rate: 22_050, bits_per_sample: 32, sample_format: SampleFormat::Float };
        let bytes = write(spec, &values[..n]);
        let read = WavReader::new(Cursor::new(&bytes)).unwrap().into_samples::<f32>();
        let expected: Vec<f32> = read.map(Result::unwrap).collect();
        let decoded = decode_bytes(&bytes, Path::new("a.wav")).unwrap();
        prop_assert_eq!(decoded.channels, apart(&expected, usize::from(n_channels)));
    }

    #[test]
    fn whatever_a_header_says_there_is_an_answer_of_bounded_size(
        at in 0usize..44,
        value in any::<u32>(),
        n_frames in 0usize..3000,
    ) {
        let spec = WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let samples: Vec<i16> = (0..n_frames).map(|i| (i * 7919 % 30_000) as i16).collect();
        let mut bytes = write(spec, &samples);
        bytes[at..at + 4.min(44 - at)].copy_from_slice(&value.to_le_bytes()[..4.min(44 - at)]);
        if let Ok(decoded) = decode_bytes(&bytes, Path::new("a.wav")) {
            let n_samples = decoded.n_frames() * decoded.channels.len();
            prop_assert!(n_samples <= 2 * bytes.len(), "{n_samples} of {} bytes", bytes.len());
            prop_assert!((audio_io::MIN_RATE_HZ..=audio_io::MAX_RATE_HZ).contains(&decoded.rate_hz));
        }
    }
}
