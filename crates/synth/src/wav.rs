//! 16-bit PCM WAV.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

/// Bytes before the samples.
const HEADER_BYTES: u32 = 44;

/// Mono `samples` (full scale is 1) as the bytes of a 16-bit WAV file. Samples beyond full scale are clipped.
///
/// A WAV file counts its bytes in 32 bits: samples beyond that, more than 12 hours at 48 kHz, are left out.
///
/// # Panics
/// When there is too little memory, as any vector.
pub fn to_wav_16(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let n = samples.len().min(((u32::MAX - HEADER_BYTES) / 2) as usize);
    let mut out = Cursor::new(Vec::with_capacity(HEADER_BYTES as usize + 2 * n));
    let spec = WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let written = WavWriter::new(&mut out, spec).and_then(|mut writer| {
        let mut chunk = writer.get_i16_writer(n as u32);
        samples[..n].iter().for_each(|sample| chunk.write_sample((sample * 32767.0).round() as i16));
        chunk.flush()?;
        writer.finalize()
    });
    assert!(written.is_ok(), "a vector takes all bytes: {written:?}");
    out.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_samples_are_where_they_should_be() {
        let bytes = to_wav_16(&[0.0, 1.0, -1.0, 2.0, f32::NAN], 22050);
        let expected =
            b"RIFF\x2e\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\x0a\0\0\0\
            \0\0\xff\x7f\x01\x80\xff\x7f\0\0";
        assert_eq!(bytes, expected);
        assert_eq!(to_wav_16(&[], 8000).len(), 44);
    }

    #[test]
    fn a_reader_finds_the_samples_again() {
        let samples: Vec<f32> = (-100..100).map(|i| i as f32 / 100.0).collect();
        let mut reader = hound::WavReader::new(Cursor::new(to_wav_16(&samples, 48_000))).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels, reader.len()), (48_000, 1, 200));
        for (read, sample) in reader.samples::<i16>().zip(samples) {
            assert_eq!(read.unwrap(), (sample * 32767.0).round() as i16);
        }
    }
}
