//! The unknown sounds of a batch, for outlier exposure.

use crate::Result;
use crate::data::Data;
use crate::exposure::Exposure;
use crate::seeds::{Purpose, generator};
use augment::make_unknown;
use rand::Rng;

/// Fills `cells` with unknown sound number `nth` of the batch (`epoch`, `first`): one of the data, or one that is synthesized;
/// each source is equally likely. Returns its row, or that of the clip from which it was made.
///
/// # Errors
/// A shard that cannot be read.
pub(crate) fn unknown(
    exposure: &Exposure,
    cells: &mut [f32],
    data: &Data,
    run: u64,
    (epoch, first): (u64, u64),
    nth: u64,
) -> Result<usize> {
    let mut random = generator(run, Purpose::Exposure, epoch, first.wrapping_mul(4096).wrapping_add(nth));
    let is_known = usize::from(!data.unknowns.is_empty());
    let source = random.random_range(0..is_known + exposure.made.len());
    if source < is_known {
        let row = data.unknowns[random.random_range(0..data.unknowns.len())] as usize;
        data.spectrograms.read(row, cells)?;
        return Ok(row);
    }
    let mut draw = || data.train[random.random_range(0..data.train.len())].row as usize;
    let (row, partner) = (draw(), draw());
    data.spectrograms.read(row, cells)?;
    let mut other = vec![0.0; cells.len()];
    data.spectrograms.read(partner, &mut other)?;
    make_unknown(cells, &other, data.spectrograms.n_mels, exposure.made[source - is_known], random.random());
    Ok(row)
}
