//! A manifest's recordings to shards, for `features` and for `augment` with views beside the clips.

pub mod extract;
pub mod partners;
pub mod plan;
pub mod stage;
pub mod views;
