//! Small recordings as the seeds of audio targets: a few hundred made samples in each encoding.

/// Samples of a short tone, of 16 bits.
fn tone(n: usize) -> Vec<i16> {
    (0..n).map(|i| ((i as f64 * 0.3).sin() * 9000.0) as i16).collect()
}

/// A chunk of RIFF.
#[must_use]
pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = name.to_vec();
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

/// A WAV file of chunks.
#[must_use]
pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [&b"RIFF"[..], &(4 + body.len() as u32).to_le_bytes(), b"WAVE", &body].concat()
}

/// The `fmt ` chunk of a tag, with more behind it.
fn fmt(tag: u16, n_channels: u16, rate_hz: u32, bits: u16, more: &[u8]) -> Vec<u8> {
    let block = n_channels * bits.div_ceil(8);
    let mut body = tag.to_le_bytes().to_vec();
    body.extend(n_channels.to_le_bytes());
    body.extend(rate_hz.to_le_bytes());
    body.extend((rate_hz * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend(more);
    chunk(b"fmt ", &body)
}

/// WAV files of each encoding that is decoded here.
#[must_use]
pub(crate) fn wavs() -> Vec<Vec<u8>> {
    let pcm16: Vec<u8> = tone(200).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let float: Vec<u8> = tone(100).iter().flat_map(|s| (f32::from(*s) / 32768.0).to_le_bytes()).collect();
    let bytes: Vec<u8> = tone(300).iter().map(|sample| (sample >> 8) as u8 ^ 0x80).collect();
    let guid = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let extensible = |tag: u16, bits: u16| {
        [&22u16.to_le_bytes()[..], &bits.to_le_bytes(), &[3, 0, 0, 0], &tag.to_le_bytes(), guid].concat()
    };
    let with = |fmt: Vec<u8>, data: &[u8]| riff(&[fmt, chunk(b"data", data)]);
    let guano =
        b"GUANO|Version: 1.0\nTimestamp: 2024-05-01T21:30:00+02:00\nLoc Position: 47.1 8.5\nMake: X\nSerial: 7\n";
    let info = [&b"INFO"[..], &chunk(b"ICMT", b"Recorded at 21:30:00 01/05/2024 (UTC) by AudioMoth 24E144")].concat();
    vec![
        with(fmt(1, 1, 8000, 16, &[]), &pcm16),
        with(fmt(1, 2, 48_000, 16, &[]), &pcm16),
        with(fmt(1, 1, 8000, 8, &[]), &bytes),
        with(fmt(1, 1, 384_000, 24, &[]), &pcm16[..399]),
        with(fmt(3, 1, 22_050, 32, &[0, 0]), &float),
        with(fmt(3, 1, 22_050, 64, &[0, 0]), &float),
        with(fmt(6, 1, 8000, 8, &[0, 0]), &bytes),
        with(fmt(7, 1, 8000, 8, &[0, 0]), &bytes),
        with(fmt(0xfffe, 2, 16_000, 16, &extensible(1, 12)), &pcm16),
        with(fmt(0xfffe, 1, 16_000, 32, &extensible(3, 32)), &float),
        riff(&[fmt(1, 1, 8000, 16, &[]), chunk(b"LIST", &info), chunk(b"data", &pcm16), chunk(b"guan", guano)]),
        riff(&[chunk(b"JUNK", &[0; 28]), fmt(1, 1, 8000, 16, &[]), chunk(b"data", &[])]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wav_is_one() {
        for (nth, wav) in wavs().iter().enumerate() {
            let decoded = audio_io::decode_bytes(wav, "a.wav".as_ref()).unwrap();
            assert!(decoded.n_frames() > 30 || nth == 11, "{nth}: {decoded:?}");
        }
    }
}
