//! The unknown sounds of a batch, for outlier exposure.

use crate::Result;
use crate::data::Data;
use crate::exposure::Exposure;
use crate::seeds::{Purpose, generator};
use augment::{Unknown, make_unknown};
use rand::Rng;
use shard::Clips;

/// An unknown sound as drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnknownSound {
    /// Its row, or that of the clip from which it is made.
    pub(crate) row: usize,
    /// How it is made, if it is.
    pub(crate) made: Option<Made>,
}

/// What [`make_unknown`] gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    pub(crate) kind: Unknown,
    /// The row of the other clip.
    pub(crate) partner: usize,
    pub(crate) seed: u64,
}

/// Draws unknown sound number `nth` of the batch (`epoch`, `first`): one of the data, or one that is synthesized; each source is
/// equally likely.
pub(crate) fn draw_unknown(
    exposure: &Exposure,
    data: &Data,
    run: u64,
    (epoch, first): (u64, u64),
    nth: u64,
) -> UnknownSound {
    let mut random = generator(run, Purpose::Exposure, epoch, first.wrapping_mul(4096).wrapping_add(nth));
    let is_known = usize::from(!data.unknowns.is_empty());
    let source = random.random_range(0..is_known + exposure.made.len());
    if source < is_known {
        let row = data.unknowns[random.random_range(0..data.unknowns.len())] as usize;
        return UnknownSound { row, made: None };
    }
    let mut draw = || data.train[random.random_range(0..data.train.len())].row as usize;
    let (row, partner) = (draw(), draw());
    let made = Made { kind: exposure.made[source - is_known], partner, seed: random.random() };
    UnknownSound { row, made: Some(made) }
}

impl UnknownSound {
    /// Its spectrogram.
    ///
    /// # Errors
    /// A shard that cannot be read.
    pub(crate) fn read(&self, clips: &Clips, cells: &mut [f32]) -> Result<()> {
        clips.read(self.row, cells)?;
        if let Some(Made { kind, partner, seed }) = &self.made {
            let mut other = vec![0.0; cells.len()];
            clips.read(*partner, &mut other)?;
            make_unknown(cells, &other, clips.n_mels, *kind, *seed);
        }
        Ok(())
    }
}
