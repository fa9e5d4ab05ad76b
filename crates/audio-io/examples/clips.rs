//! From the bytes of a recording to clips of one rate, level and length.

use audio_io::{ClipConfig, audible, clips, decode_bytes};

fn main() -> audio_io::Result<()> {
    // Two seconds at 16 kHz, 16-bit PCM: a tone.
    let samples: Vec<u8> =
        (0..32_000).map(|i| ((0.2 * i as f32).sin() * 9000.0) as i16).flat_map(i16::to_le_bytes).collect();
    let mut wav =
        b"RIFF\x24\xfa\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\xfa\0\0".to_vec();
    wav.extend(samples);

    let decoded = decode_bytes(&wav, "tone.wav".as_ref())?;
    assert_eq!((decoded.rate_hz, decoded.n_frames(), decoded.damage.len()), (16_000, 32_000, 0));

    let clips = audible(clips(&decoded, None, None, None, &ClipConfig::default())?)?;
    assert_eq!((clips.len(), clips[0].samples.len(), clips[0].seconds), (1, 5 * 22_050, 2.0));
    Ok(())
}
