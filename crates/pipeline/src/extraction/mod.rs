//! A manifest's recordings to shards, for `features` and for `augment` with views beside the clips.

pub(crate) mod extract;
mod long;
pub(crate) mod mixing;
mod opened;
pub(crate) mod partners;
pub(crate) mod plan;
pub(crate) mod stage;
pub(crate) mod views;
