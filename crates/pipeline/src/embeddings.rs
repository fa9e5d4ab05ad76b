//! Outputs of a model for clips, written to disk: embeddings for `embed` and for probes, tokens for the last layers.

use crate::error::{Context, Result};
use crate::job::Job;
use candle_core::{Device, Tensor};
use classifier::{Classifier, Normalization};
use shard::{Clips, EmbeddingWriter, MelDtype, Provenance, SpectrogramWriter};
use std::path::Path;

/// Clips of one forward pass.
const BATCH: usize = 16;

/// Clips and the normalization of a model's input.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub clips: &'a Clips,
    pub normalization: &'a Normalization,
    pub device: &'a Device,
}

impl Source<'_> {
    /// Calls `see` with batches of the clips `rows`: their numbers, and normalized spectrograms `[B, M, T]`.
    fn batches(
        self,
        rows: &[usize],
        what: &str,
        job: &Job<'_>,
        mut see: impl FnMut(&[usize], &Tensor) -> Result<()>,
    ) -> Result<()> {
        let Self { clips, normalization, device } = self;
        let n_cells = clips.n_cells();
        let bar = job.progress(what, rows.len());
        for rows in rows.chunks(BATCH) {
            job.check("run the same command again")?;
            let mut mel = vec![0.0; rows.len() * n_cells];
            for (row, cells) in rows.iter().zip(mel.chunks_exact_mut(n_cells)) {
                clips.read(*row, cells)?;
                normalization.apply(cells, clips.n_frames);
            }
            let mel = Tensor::from_vec(mel, (rows.len(), clips.n_mels, clips.n_frames), &Device::Cpu)?;
            see(rows, &mel.to_device(device)?)?;
            bar.inc(rows.len());
        }
        drop(bar);
        Ok(())
    }
}

/// Writes `embedding/1` shards of the clips `rows`, with the model's logits.
pub(crate) fn write_embeddings(
    model: &dyn Classifier,
    source: Source<'_>,
    rows: &[usize],
    out: &Path,
    provenance: Provenance,
    job: &Job<'_>,
) -> Result<shard::Index> {
    let header = &source.clips.header;
    let (front_end, classes, splits) = (header.front_end.clone(), header.classes.clone(), header.splits.clone());
    let mut writer = EmbeddingWriter::create(out, front_end, classes, splits, provenance)?;
    source.batches(rows, "embed", job, |rows, mel| {
        let output = model.forward(mel, classifier::Mode::Eval)?;
        let (embeddings, logits) = (output.embedding.to_vec2::<f32>()?, output.logits.to_vec2::<f32>()?);
        for ((row, embedding), logits) in rows.iter().zip(embeddings).zip(logits) {
            let clips = source.clips;
            let record = clips.record(*row)?;
            let (frames, label, split) = (clips.frames[*row], clips.label[*row], clips.split[*row]);
            writer.push(record, &embedding, &logits, frames, label, split)?;
        }
        Ok(())
    })?;
    writer.finish(Vec::new()).with_context(|| out.display().to_string())
}

/// Writes `spectrogram/1` shards in which each clip's tokens, `[N, D]`, take the place of its spectrogram.
pub(crate) fn write_tokens(
    below: impl Fn(&Tensor) -> Result<Tensor>,
    source: Source<'_>,
    rows: &[usize],
    out: &Path,
    provenance: Provenance,
    job: &Job<'_>,
) -> Result<shard::Index> {
    let header = &source.clips.header;
    let (front_end, classes, splits) = (header.front_end.clone(), header.classes.clone(), header.splits.clone());
    let mut writer = SpectrogramWriter::create(out, front_end, classes, splits, provenance, MelDtype::F32)?;
    source.batches(rows, "layers", job, |rows, mel| {
        let tokens = below(mel)?;
        let (_, n_tokens, dim) = tokens.dims3()?;
        let values = tokens.flatten_all()?.to_vec1::<f32>()?;
        for (row, tokens) in rows.iter().zip(values.chunks_exact(n_tokens * dim)) {
            let clips = source.clips;
            let (label, split) = (clips.label[*row], clips.split[*row]);
            writer.push(clips.record(*row)?, tokens, n_tokens, dim, dim as u32, label, split)?;
        }
        Ok(())
    })?;
    writer.finish(Vec::new()).with_context(|| out.display().to_string())
}
