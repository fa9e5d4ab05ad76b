//! The file of one clip while it is written: samples go to a temporary file, so that memory does not grow with the clip; then it
//! gets its name. FLAC is made of that file at the end, and needs it in memory.

use super::options::Encoding;
use crate::error::{Context, Error, Result, bail};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

// layering: local files. Clips are put together on this machine's disk, wherever they go then.

/// Bytes of a WAV file before its samples.
const HEADER_BYTES: usize = 44;

/// Fewest frames that are written as FLAC: the encoder's shortest block.
const LEAST_FLAC_FRAMES: u64 = 32;

/// Highest sample rate that the encoder takes.
const MOST_FLAC_HZ: u32 = 96_000;

/// Most bytes of samples that the header of a WAV file can state.
const MOST_BYTES: u64 = u32::MAX as u64 - HEADER_BYTES as u64;

impl Encoding {
    /// The end of a file's name, without a dot.
    pub fn extension(self) -> &'static str {
        crate::Named::name(self)
    }
}

/// What samples are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) rate_hz: u32,
    pub(super) n_channels: usize,
    /// 16 or 24.
    pub(super) bits: u32,
}

impl Samples {
    /// Those that a recording has: 16 bits, or 24 where it has more than 16. Codecs without a number of bits get 16.
    pub(super) fn of(recording: &audio_io::Recording<'_>) -> Self {
        let bits = if recording.bits().is_some_and(|bits| bits > 16) { 24 } else { 16 };
        Self { rate_hz: recording.rate_hz(), n_channels: recording.n_channels(), bits }
    }

    pub(super) fn frame_bytes(self) -> usize {
        self.n_channels * (self.bits / 8) as usize
    }

    /// Why a clip of so many frames cannot be written; none where it can.
    pub(super) fn problem(self, n_frames: u64, encoding: Encoding) -> Option<&'static str> {
        match encoding {
            _ if n_frames.saturating_mul(self.frame_bytes() as u64) > MOST_BYTES => {
                Some("longer than a WAV file can be")
            }
            Encoding::Flac if self.n_channels > 8 => Some("more channels than FLAC has (8); use the format wav"),
            Encoding::Flac if self.rate_hz > MOST_FLAC_HZ => {
                Some("a higher sample rate than FLAC is written with here (96 kHz); use the format wav")
            }
            Encoding::Flac if n_frames < LEAST_FLAC_FRAMES => {
                Some("shorter than FLAC is written here; use the format wav")
            }
            Encoding::Wav | Encoding::Flac => None,
        }
    }

    /// The header of a WAV file: PCM, little-endian.
    pub(super) fn wav_header(self, n_frames: u64) -> Result<Vec<u8>> {
        let frame_bytes = self.frame_bytes();
        let n_bytes = u32::try_from(n_frames * frame_bytes as u64)?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(b"RIFF");
        // Samples of an odd number of bytes are followed by a zero.
        header.extend((n_bytes + n_bytes % 2 + HEADER_BYTES as u32 - 8).to_le_bytes());
        header.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        header.extend(u16::try_from(self.n_channels)?.to_le_bytes());
        header.extend(self.rate_hz.to_le_bytes());
        header.extend(u32::try_from(u64::from(self.rate_hz) * frame_bytes as u64)?.to_le_bytes());
        header.extend(u16::try_from(frame_bytes)?.to_le_bytes());
        header.extend((self.bits as u16).to_le_bytes());
        header.extend(b"data");
        header.extend(n_bytes.to_le_bytes());
        Ok(header)
    }

    /// A stretch of all channels, sample by sample.
    pub(super) fn bytes(self, channels: &[&[f32]]) -> Vec<u8> {
        let n = channels.first().map_or(0, |channel| channel.len());
        let mut bytes = Vec::with_capacity(n * self.frame_bytes());
        for nth in 0..n {
            for channel in channels {
                let low = &self.integer(channel[nth]).to_le_bytes();
                bytes.extend(&low[..(self.bits / 8) as usize]);
            }
        }
        bytes
    }

    /// A sample as an integer: exactly the one of a source of at most as many bits; cut at full scale.
    fn integer(self, sample: f32) -> i32 {
        let scale = (1_i32 << (self.bits - 1)) as f32;
        ((sample * scale).round() as i32).clamp(-(scale as i32), scale as i32 - 1)
    }
}

/// Samples of all channels as a WAV file of 16 bits.
///
/// # Errors
/// More samples than the header can state.
pub fn wav(channels: &[Vec<f32>], rate_hz: u32) -> Result<Vec<u8>> {
    let samples = Samples { rate_hz, n_channels: channels.len(), bits: 16 };
    let mut file = samples.wav_header(channels.first().map_or(0, Vec::len) as u64)?;
    file.extend(samples.bytes(&channels.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    Ok(file)
}

/// Samples of a WAV file as FLAC.
fn flac(wav: &[u8], samples: Samples) -> Result<Vec<u8>> {
    use flacenc::component::BitRepr;
    use flacenc::error::Verify;
    let n_bytes = (samples.bits / 8) as usize;
    let integer = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[4 - n_bytes..].copy_from_slice(bytes);
        i32::from_le_bytes(word) >> (32 - samples.bits)
    };
    let integers: Vec<i32> = wav[HEADER_BYTES..].chunks_exact(n_bytes).map(integer).collect();
    let config = flacenc::config::Encoder::default().into_verified();
    let config = config.map_err(|(_, error)| Error::Invalid(format!("FLAC: {error}")))?;
    let (n_channels, bits, rate_hz) = (samples.n_channels, samples.bits as usize, samples.rate_hz as usize);
    let source = flacenc::source::MemSource::from_samples(&integers, n_channels, bits, rate_hz);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size);
    let mut sink = flacenc::bitsink::ByteSink::new();
    let stream = stream.map_err(|error| Error::Invalid(format!("FLAC: {error}")))?;
    stream.write(&mut sink).map_err(|error| Error::Invalid(format!("FLAC: {error}")))?;
    Ok(sink.into_inner())
}

/// A clip that is being written.
pub(super) struct Sound {
    temporary: PathBuf,
    samples: Samples,
    n_frames: u64,
    is_placed: bool,
}

impl Sound {
    /// Begins a clip in a folder of this process alone.
    pub(super) fn create(folder: &Path, samples: Samples) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let scratch = storage::scratch(folder).with_context(|| format!("{}: cannot be written", folder.display()))?;
        let temporary = scratch.join(format!(".barkbird-{}-clip-{nth}.tmp", std::process::id()));
        let write = || -> Result<()> { Ok(File::create_new(&temporary)?.write_all(&[0; HEADER_BYTES])?) };
        write().with_context(|| format!("{}: cannot be written", temporary.display()))?;
        Ok(Self { temporary, samples, n_frames: 0, is_placed: false })
    }

    /// Appends a stretch of all channels. The file is open for no longer: detections that overlap may be many.
    pub(super) fn append(&mut self, channels: &[&[f32]]) -> Result<()> {
        let bytes = self.samples.bytes(channels);
        self.n_frames += channels.first().map_or(0, |channel| channel.len()) as u64;
        let write = || OpenOptions::new().append(true).open(&self.temporary)?.write_all(&bytes);
        write().with_context(|| format!("{}: cannot be written", self.temporary.display()))
    }

    /// Gives the clip its name. There must be no such file.
    pub(super) fn place(mut self, path: &Path, encoding: Encoding) -> Result<()> {
        if path.symlink_metadata().is_ok() || storage::exists(path) {
            bail!("{}: is there already, written by another program meanwhile", path.display());
        }
        if encoding == Encoding::Flac {
            let wav = storage::read(&self.temporary)
                .with_context(|| format!("{}: cannot be read", self.temporary.display()))?;
            return Ok(shard::write_atomic(path, &flac(&wav, self.samples)?)?);
        }
        let finish = || -> Result<()> {
            let mut file = OpenOptions::new().write(true).open(&self.temporary)?;
            let n_bytes = self.n_frames * self.samples.frame_bytes() as u64;
            if n_bytes % 2 == 1 {
                file.seek(SeekFrom::End(0))?;
                file.write_all(&[0])?;
            }
            file.rewind()?;
            file.write_all(&self.samples.wav_header(self.n_frames)?)?;
            drop(file);
            Ok(storage::place_file(&self.temporary, path)?)
        };
        finish().with_context(|| format!("{}: cannot be written", path.display()))?;
        self.is_placed = true;
        Ok(())
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        if !self.is_placed {
            drop(storage::remove_file(&self.temporary));
        }
    }
}
