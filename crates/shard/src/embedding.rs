//! `embedding/1`: what a model makes of clips, a row of features and a row of logits each.

use std::path::Path;

use crate::columns::{Columns, OwnedColumns, check_floats};
use crate::container::{Container, Tensor, Values};
use crate::encoded::Encoded;
use crate::error::Result;
use crate::header::Header;
use crate::schema::{Parts, Schema};

/// The schema's name, the first field of the header and of the index.
pub const EMBEDDING: &str = "embedding/1";

/// Clips as a model's embeddings and logits: a shard, or a whole folder of them one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// What the clips are and where they came from.
    pub header: Header,
    /// Values an embedding.
    pub dim: usize,
    /// Outputs of the model's head; need not be the number of classes (a pretrained head has its own).
    pub n_logits: usize,
    /// `[N, dim]`, row-major.
    pub embedding: Vec<f32>,
    /// `[N, n_logits]`, row-major, before any softmax.
    pub logits: Vec<f32>,
    /// `[N]`: frames of the spectrogram that held sound.
    pub frames: Vec<u32>,
    /// `[N]`: index into `header.classes`, or [`NO_LABEL`](crate::NO_LABEL).
    pub label: Vec<u32>,
    /// `[N]`: index into `header.splits`.
    pub split: Vec<u8>,
}

impl Embeddings {
    /// Number of clips.
    pub fn n_clips(&self) -> usize {
        self.header.clips.len()
    }

    /// Whether everything in memory agrees with everything else, as a file would have to.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) that names the first part that does not.
    pub fn validate(&self) -> Result<()> {
        self.check(Path::new("embeddings in memory"))
    }

    /// The bytes of a shard of 1 to 256 clips; equal clips give equal bytes.
    ///
    /// # Errors
    /// What [`validate`](Self::validate) finds, or too many clips.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.encoded()?.to_vec())
    }

    /// As [`to_bytes`](Self::to_bytes), without a copy of the values.
    ///
    /// # Errors
    /// The same.
    pub fn encoded(&self) -> Result<Encoded<'_>> {
        let file = Path::new("embeddings in memory");
        self.check(file)?;
        let tensor = |name, width, values| Tensor { name, shape: vec![self.n_clips(), width], values };
        let features = vec![
            tensor("embedding", self.dim, Values::F32(&self.embedding)),
            tensor("logits", self.n_logits, Values::F32(&self.logits)),
        ];
        self.columns().encode(features, file)
    }

    /// Reads the bytes of a shard; `name` is what errors call it. Safe for bytes of any origin.
    ///
    /// # Errors
    /// Whatever is not as the format has it, with file, part, expected and got.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self> {
        let container = Container::parse(bytes, name)?;
        let OwnedColumns { header, frames, label, split } =
            OwnedColumns::read(&container, EMBEDDING, &["embedding", "logits"], name)?;
        let n = header.clips.len();
        let ([_, dim], embedding) = container.floats("embedding", n, ["N", "D"], false)?;
        let ([_, n_logits], logits) = container.floats("logits", n, ["N", "C"], false)?;
        let shard = Self { header, dim, n_logits, embedding, logits, frames, label, split };
        shard.check(name)?;
        Ok(shard)
    }

    fn columns(&self) -> Columns<'_> {
        Columns { header: &self.header, frames: &self.frames, label: &self.label, split: &self.split }
    }

    fn check(&self, file: &Path) -> Result<()> {
        self.columns().check(EMBEDDING, file)?;
        check_floats("embedding", &[self.n_clips(), self.dim], &self.embedding, f32::MAX, file)?;
        check_floats("logits", &[self.n_clips(), self.n_logits], &self.logits, f32::MAX, file)
    }
}

impl Schema for Embeddings {
    const NAME: &'static str = EMBEDDING;
    type Storage = ();

    fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        Self::from_bytes(bytes, file)
    }

    fn encode(&self, (): ()) -> Result<Encoded<'_>> {
        self.encoded()
    }

    fn header(&self) -> &Header {
        &self.header
    }

    fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        vec![("embedding", vec![self.dim]), ("logits", vec![self.n_logits])]
    }

    fn parts(&mut self) -> Parts<'_> {
        let Self { header, embedding, logits, frames, label, split, .. } = self;
        Parts { clips: &mut header.clips, features: vec![embedding, logits], frames, label, split }
    }
}
