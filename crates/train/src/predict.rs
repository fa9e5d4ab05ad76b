use crate::Result;
use classifier::{Predictor, Rows, predict_mels};
use rayon::prelude::*;
use shard::Clips;

/// Runs the model over the clips `rows` of the spectrograms, in their order, `batch_size` at a time.
///
/// # Errors
/// A shard that cannot be read, a model that needs another number of bands or frames, or an output that is not finite.
pub fn predict_rows(predictor: Predictor<'_>, spectrograms: &Clips, rows: &[usize], batch_size: usize) -> Result<Rows> {
    let (n_mels, n_frames, n_cells) = (spectrograms.n_mels, spectrograms.n_frames, spectrograms.n_cells());
    let mut all = Rows::empty(predictor.model.n_classes(), predictor.model.embedding_dim());
    let mut cells = vec![0.0; rows.len().min(batch_size.max(1)) * n_cells];
    for rows in rows.chunks(batch_size.max(1)) {
        let cells = &mut cells[..rows.len() * n_cells];
        let clips = cells.par_chunks_exact_mut(n_cells).zip(rows);
        clips.try_for_each(|(cells, row)| spectrograms.read(*row, cells))?;
        let mels: Vec<&[f32]> = cells.chunks_exact(n_cells).collect();
        let name = |i: usize| spectrograms.header.clips[rows[i]].id.clone();
        all.append(predict_mels(predictor, &mels, n_mels, n_frames, batch_size, &name)?);
    }
    Ok(all)
}
