//! Hostile input: every parser of outside bytes is fed what no writer makes, and must neither panic, nor take more memory
//! than the input's size times a stated factor, nor more than two seconds.

mod corpus;
mod engine;
mod mutate;
mod networks;
mod parts;
mod random;
mod repair;
mod sounds;
mod target;
mod targets;
mod watch;

pub use corpus::{files, folder, read as read_corpus};
pub use engine::{Budget, Finding, LIMIT_S, Report, file_name, run, smaller};
pub use random::hash;
pub use target::{Memory, Outcome, Target};
pub use targets::{remove_scratch, targets};
pub use watch::{HANG_S, HUNG, InFlight, MOST_MEMORY, Measured, TOO_MUCH_MEMORY, measure, start};
