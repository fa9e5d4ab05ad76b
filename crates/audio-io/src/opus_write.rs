//! Sound as an OGG file with Opus (RFC 6716, RFC 7845): small enough to put many clips into a page.

use crate::error::{Error, Result};
use ogg::{PacketWriteEndInfo, PacketWriter};
use ropus::{Application, Bitrate, Channels, Encoder};

/// The rate that [`to_opus`] takes.
pub const OPUS_RATE_HZ: u32 = 48_000;

/// Bits a second: bird song and barks sound like the original to most listeners.
const BITS_PER_S: u32 = 64_000;
/// Frames of a packet: 20 ms.
const FRAMES: usize = 960;
/// Bytes of the longest packet.
const MOST_BYTES: usize = 4000;
/// Number of the only stream of the file; fixed, so that equal sounds give equal files.
const STREAM: u32 = 1;

/// One channel at [`OPUS_RATE_HZ`] as an OGG file, 8 kB a second. It is lossy: for listening, not for analysis.
///
/// # Errors
/// [`Error::Encode`] when the encoder refuses.
pub fn to_opus(samples: &[f32]) -> Result<Vec<u8>> {
    let failed = |message: String| Error::Encode { format: "Opus", message };
    let encoder =
        Encoder::builder(OPUS_RATE_HZ, Channels::Mono, Application::Audio).bitrate(Bitrate::Bits(BITS_PER_S)).build();
    let mut encoder = encoder.map_err(|error| failed(error.to_string()))?;
    let pre_skip = encoder.lookahead() as usize;
    let mut writer = PacketWriter::new(Vec::new());
    let mut write = |packet: Vec<u8>, end: PacketWriteEndInfo, position: u64| {
        writer.write_packet(packet, STREAM, end, position).map_err(|error| failed(error.to_string()))
    };
    write(head(pre_skip as u16), PacketWriteEndInfo::EndPage, 0)?;
    write(tags(), PacketWriteEndInfo::EndPage, 0)?;
    // The decoder drops the first `pre_skip` frames, so as many more are written after the end.
    let n = samples.len() + pre_skip;
    let n_packets = n.div_ceil(FRAMES).max(1);
    let mut bytes = vec![0; MOST_BYTES];
    for nth in 0..n_packets {
        let mut frames = [0.0; FRAMES];
        let of_packet = samples.iter().skip(nth * FRAMES).take(FRAMES);
        frames.iter_mut().zip(of_packet).for_each(|(frame, sample)| {
            *frame = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        });
        let n_bytes = encoder.encode_float(&frames, &mut bytes).map_err(|error| failed(error.to_string()))?;
        let is_last = nth + 1 == n_packets;
        let end = if is_last { PacketWriteEndInfo::EndStream } else { PacketWriteEndInfo::NormalPacket };
        // The position of the last page says where the sound ends.
        let position = if is_last { n } else { (nth + 1) * FRAMES };
        write(bytes[..n_bytes].to_vec(), end, position as u64)?;
    }
    Ok(writer.into_inner())
}

/// The header of a stream of one channel.
fn head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(OPUS_RATE_HZ.to_le_bytes());
    head.extend([0, 0, 0]); // no gain, mapping family 0
    head
}

/// A comment header without comments.
fn tags() -> Vec<u8> {
    let vendor = b"barkbird";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0u32.to_le_bytes());
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_written_can_be_read_again() {
        for n in [0, 1, 959, 960, 48_000, 48_123] {
            let samples: Vec<f32> = (0..n).map(|i| (i as f32 * 0.05).sin() * 0.5).collect();
            let bytes = to_opus(&samples).unwrap();
            let Ok(decoded) = crate::decode_bytes(&bytes, Path::new("a.ogg")) else {
                assert_eq!(n, 0, "{n} frames cannot be decoded");
                continue;
            };
            assert_eq!((decoded.rate_hz, decoded.n_frames()), (OPUS_RATE_HZ, n));
            if n < 1000 {
                continue;
            }
            // The tone is where it was: the correlation with it is high without a shift.
            let channel = &decoded.channels[0];
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let correlation = dot(channel, &samples) / (dot(channel, channel) * dot(&samples, &samples)).sqrt();
            assert!(correlation > 0.98, "{n}: {correlation}");
            assert!(bytes.len() < n / 4, "{} bytes", bytes.len());
        }
        assert_eq!(to_opus(&[0.1; 5000]).unwrap(), to_opus(&[0.1; 5000]).unwrap());
        assert!(to_opus(&[f32::NAN; 2000]).is_ok());
    }
}
