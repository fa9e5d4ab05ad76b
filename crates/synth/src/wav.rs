//! 16-bit PCM WAV, written by hand: a 44-byte header and the samples.

const HEADER_BYTES: u32 = 44;

/// Mono `samples` (full scale is 1) as the bytes of a 16-bit WAV file. Samples beyond full scale are clipped.
///
/// A WAV file counts its bytes in 32 bits: samples beyond that, more than 12 hours at 48 kHz, are left out.
pub fn to_wav_16(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let n = samples.len().min(((u32::MAX - HEADER_BYTES) / 2) as usize);
    let data_bytes = 2 * n as u32;
    let mut bytes = Vec::with_capacity((HEADER_BYTES + data_bytes) as usize);
    bytes.extend(b"RIFF");
    bytes.extend((HEADER_BYTES - 8 + data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes()); // PCM
    bytes.extend(1u16.to_le_bytes()); // one channel
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((2 * rate_hz).to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    for sample in &samples[..n] {
        bytes.extend(((sample * 32767.0).round() as i16).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_samples_are_where_they_should_be() {
        let bytes = to_wav_16(&[0.0, 1.0, -1.0, 2.0, f32::NAN], 22050);
        assert_eq!(bytes.len(), 54);
        assert_eq!(&bytes[..4], b"RIFF");
        assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().unwrap()), 46);
        assert_eq!(u32::from_le_bytes(bytes[24..28].try_into().unwrap()), 22050);
        assert_eq!(u32::from_le_bytes(bytes[40..44].try_into().unwrap()), 10);
        let samples: Vec<i16> = bytes[44..].chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(samples, [0, 32767, -32767, 32767, 0]);
    }
}
