//! `spectrogram/1`: log-mel (or other) spectrograms of clips, all of one size.

use std::path::Path;

use half::f16;

use crate::columns::{Columns, OwnedColumns, check_floats, check_frames};
use crate::container::{Container, Tensor, Values};
use crate::dtype::MelDtype;
use crate::encoded::Encoded;
use crate::error::Result;
use crate::header::Header;
use crate::schema::{Parts, Schema};

/// The schema's name, the first field of the header and of the index.
pub const SPECTROGRAM: &str = "spectrogram/1";

/// Clips as spectrograms: a shard, or a whole folder of them one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrograms {
    /// What the clips are and where they came from.
    pub header: Header,
    /// Bands a clip.
    pub n_mels: usize,
    /// Frames a clip, padding included.
    pub n_frames: usize,
    /// `[N, n_mels, n_frames]`, row-major, not normalized; low to high band, early to late frame.
    pub mel: Vec<f32>,
    /// `[N]`: frames that hold sound; the rest is padding.
    pub frames: Vec<u32>,
    /// `[N]`: index into `header.classes`, or [`NO_LABEL`](crate::NO_LABEL).
    pub label: Vec<u32>,
    /// `[N]`: index into `header.splits`.
    pub split: Vec<u8>,
}

impl Spectrograms {
    /// Number of clips.
    pub fn n_clips(&self) -> usize {
        self.header.clips.len()
    }

    /// The spectrogram of clip `row`, `[n_mels, n_frames]`.
    ///
    /// # Panics
    /// When there is no such clip.
    pub fn clip(&self, row: usize) -> &[f32] {
        let n = self.n_mels * self.n_frames;
        &self.mel[row * n..(row + 1) * n]
    }

    /// Whether everything in memory agrees with everything else, as a file would have to.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) that names the first part that does not.
    pub fn validate(&self) -> Result<()> {
        self.check(f32::MAX, Path::new("spectrograms in memory"))
    }

    /// The bytes of a shard of 1 to 256 clips; equal clips give equal bytes.
    ///
    /// # Errors
    /// What [`validate`](Self::validate) finds, too many clips, or a value that F16 cannot hold.
    pub fn to_bytes(&self, dtype: MelDtype) -> Result<Vec<u8>> {
        Ok(self.encoded(dtype)?.to_vec())
    }

    /// As [`to_bytes`](Self::to_bytes), without a copy of the values.
    ///
    /// # Errors
    /// The same.
    pub fn encoded(&self, dtype: MelDtype) -> Result<Encoded<'_>> {
        let file = Path::new("spectrograms in memory");
        let (most, values) = match dtype {
            MelDtype::F32 => (f32::MAX, Values::F32(&self.mel)),
            MelDtype::F16 => (f16::MAX.to_f32(), Values::F16(&self.mel)),
        };
        self.check(most, file)?;
        let shape = vec![self.n_clips(), self.n_mels, self.n_frames];
        self.columns().encode(vec![Tensor { name: "mel", shape, values }], file)
    }

    /// Reads the bytes of a shard; `name` is what errors call it. Safe for bytes of any origin.
    ///
    /// # Errors
    /// Whatever is not as the format has it, with file, part, expected and got.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self> {
        let container = Container::parse(bytes, name)?;
        let OwnedColumns { header, frames, label, split } =
            OwnedColumns::read(&container, SPECTROGRAM, &["mel"], name)?;
        let ([_, n_mels, n_frames], mel) =
            container.floats("mel", header.clips.len(), ["N", "n_mels", "n_frames"], true)?;
        let shard = Self { header, n_mels, n_frames, mel, frames, label, split };
        shard.check(f32::MAX, name)?;
        Ok(shard)
    }

    fn columns(&self) -> Columns<'_> {
        Columns { header: &self.header, frames: &self.frames, label: &self.label, split: &self.split }
    }

    fn check(&self, most: f32, file: &Path) -> Result<()> {
        self.columns().check(SPECTROGRAM, file)?;
        for (row, frames) in self.frames.iter().enumerate() {
            check_frames(*frames, self.n_frames, file, || format!("tensor frames, clip {row}"))?;
        }
        check_floats("mel", &[self.n_clips(), self.n_mels, self.n_frames], &self.mel, most, file)
    }
}

impl Schema for Spectrograms {
    const NAME: &'static str = SPECTROGRAM;
    type Storage = MelDtype;

    fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        Self::from_bytes(bytes, file)
    }

    fn encode(&self, storage: MelDtype) -> Result<Encoded<'_>> {
        self.encoded(storage)
    }

    fn header(&self) -> &Header {
        &self.header
    }

    fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        vec![("mel", vec![self.n_mels, self.n_frames])]
    }

    fn parts(&mut self) -> Parts<'_> {
        let Self { header, mel, frames, label, split, .. } = self;
        Parts { clips: &mut header.clips, features: vec![mel], frames, label, split }
    }
}
