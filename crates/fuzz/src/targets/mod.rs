//! The targets, by what they read.

mod archives;
mod audio;
mod hub;
mod models;
mod requests;
mod results;
mod shards;
mod tables;

use crate::target::Target;

/// All targets, in the order in which a clip meets them.
#[must_use]
pub fn targets() -> Vec<Target> {
    [
        &audio::TARGETS[..],
        &tables::TARGETS,
        &shards::TARGETS,
        &models::TARGETS,
        &results::TARGETS,
        &hub::TARGETS,
        &archives::TARGETS,
        &requests::TARGETS,
    ]
    .concat()
}
