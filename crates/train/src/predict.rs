use crate::Result;
use crate::ahead::read_ahead;
use crate::data::name_of;
use classifier::{Predictor, Rows, predict_mels};
use shard::Clips;

/// Runs the model over the clips `rows` of the spectrograms, in their order, `batch_size` at a time.
///
/// # Errors
/// A shard that cannot be read, a model that needs another number of bands or frames, or an output that is not finite.
pub fn predict_rows(predictor: Predictor<'_>, spectrograms: &Clips, rows: &[usize], batch_size: usize) -> Result<Rows> {
    let mut all = Rows::empty(predictor.model.n_classes(), predictor.model.embedding_dim());
    predict_each(predictor, spectrograms, rows, batch_size, |_, outputs| {
        all.append(outputs);
        Ok(())
    })?;
    Ok(all)
}

/// As [`predict_rows`], giving the outputs of each batch to `each` with its rows.
pub(crate) fn predict_each(
    predictor: Predictor<'_>,
    spectrograms: &Clips,
    rows: &[usize],
    batch_size: usize,
    mut each: impl FnMut(&[usize], Rows) -> Result<()>,
) -> Result<()> {
    let (n_mels, n_frames, n_cells) = (spectrograms.n_mels, spectrograms.n_frames, spectrograms.n_cells());
    let batches: Vec<&[usize]> = rows.chunks(batch_size.max(1)).collect();
    let rows_of = |batch: usize| batches[batch].iter().copied();
    std::thread::scope(|scope| {
        let mut read = read_ahead(scope, spectrograms, batches.len(), rows_of);
        for rows in &batches {
            let cells = read.next()?;
            let mels: Vec<&[f32]> = cells.chunks_exact(n_cells).collect();
            let name = |i: usize| name_of(spectrograms, rows[i]);
            each(rows, predict_mels(predictor, &mels, n_mels, n_frames, batch_size, &name)?)?;
        }
        Ok(())
    })
}
