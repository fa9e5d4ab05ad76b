//! Work that is shared among processes of the same program, each on a device of its own: folds and sizes of trainings, parts of
//! recordings.
//!
//! | file | what |
//! | --- | --- |
//! | `pool.rs` | the processes that there may be, and what they are asked to do |
//! | `side_by_side.rs` | who does which task, for threads and for processes |
//! | `process.rs` | one process: started, listened to, stopped |
//! | `told.rs` | what a process says about its progress |
//!
//! Stages meet on disk: a process leaves there what the stage looks for, so that the results are those of one process, byte for
//! byte.

pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod side_by_side;
pub(crate) mod told;
