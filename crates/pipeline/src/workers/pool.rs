//! The processes that a stage may have, and what they are asked to do.

use crate::predict::files::Part;
use crate::train::options::Options;
use std::path::PathBuf;

/// Something that a process does by itself.
#[derive(Debug, Clone)]
pub enum Task {
    /// A training.
    Train(Box<Options>),
    /// The training of this number of a learning curve, in the order of its plan.
    Size(usize),
    /// A share of the recordings, with what it has done already kept.
    Predict(Part),
}

/// From a worker's number and its task to the arguments of its program.
pub type Arguments = dyn Fn(usize, &Task) -> Vec<String> + Send + Sync;

/// The processes that a stage may have at once, each on a device of its own.
pub struct Workers {
    /// The program, which is this one.
    pub program: PathBuf,
    /// What each worker is called: its device.
    pub names: Vec<String>,
    /// What the program is started with. It has to write its events as JSON lines to standard error, and to stop, with what is done
    /// kept, as soon as its standard input ends.
    pub arguments: Box<Arguments>,
    /// Exit codes of a process that did its work.
    pub done: Vec<i32>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("program", &self.program).field("names", &self.names).finish_non_exhaustive()
    }
}
