//! The interface of a schema, so that both schemas share one reader and one writer.

use std::path::Path;

use crate::columns::check_shape;
use crate::encoded::Encoded;
use crate::error::Result;
use crate::header::{ClipRecord, Header};

/// Clips in memory that can be a shard on disk.
pub(crate) trait Schema: Sized {
    /// The schema's name, as in the header.
    const NAME: &'static str;
    /// The options of its encoding.
    type Storage: Copy;
    /// One shard from its bytes, checked.
    fn parse(bytes: &[u8], file: &Path) -> Result<Self>;
    /// The file of one shard.
    fn encode(&self, storage: Self::Storage) -> Result<Encoded<'_>>;
    /// The shard's header.
    fn header(&self) -> &Header;
    /// Name and shape, for one clip, of each feature tensor.
    fn shapes(&self) -> Vec<(&'static str, Vec<usize>)>;
    /// Everything that has a row for each clip.
    fn parts(&mut self) -> Parts<'_>;
}

/// Everything that has a row for each clip; `features` in the order of [`Schema::shapes`].
pub(crate) struct Parts<'a> {
    pub(crate) clips: &'a mut Vec<ClipRecord>,
    pub(crate) features: Vec<&'a mut Vec<f32>>,
    pub(crate) frames: &'a mut Vec<u32>,
    pub(crate) label: &'a mut Vec<u32>,
    pub(crate) split: &'a mut Vec<u8>,
}

/// Reserves memory for so many more clips.
pub(crate) fn reserve<S: Schema>(clips: &mut S, n_clips: usize) {
    let shapes = clips.shapes();
    for (feature, (_, shape)) in clips.parts().features.into_iter().zip(shapes) {
        feature.reserve_exact(n_clips * shape.iter().product::<usize>());
    }
}

/// Appends the clips of `next`, which was read from `file`, to those of `whole`.
pub(crate) fn append<S: Schema>(whole: &mut S, mut next: S, file: &Path) -> Result<()> {
    let n = next.header().clips.len();
    for ((name, expected), (_, got)) in whole.shapes().into_iter().zip(next.shapes()) {
        check_shape(name, &[&[n], &expected[..]].concat(), &[&[n], &got[..]].concat(), file)?;
    }
    let (whole, next) = (whole.parts(), next.parts());
    whole.clips.append(next.clips);
    whole.features.into_iter().zip(next.features).for_each(|(whole, next)| whole.append(next));
    whole.frames.append(next.frames);
    whole.label.append(next.label);
    whole.split.append(next.split);
    Ok(())
}

/// Removes all clips but keeps their memory.
pub(crate) fn clear<S: Schema>(clips: &mut S) {
    let parts = clips.parts();
    parts.clips.clear();
    parts.features.into_iter().for_each(Vec::clear);
    parts.frames.clear();
    parts.label.clear();
    parts.split.clear();
}
