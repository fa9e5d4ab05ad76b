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
    pub(crate) program: PathBuf,
    /// What each worker is called: its device.
    pub(crate) names: Vec<String>,
    /// What the program is started with. It has to write its events as JSON lines to standard error, and to stop, with what is done
    /// kept, as soon as its standard input ends.
    pub(crate) arguments: Box<Arguments>,
    /// Exit codes of a process that did its work.
    pub(crate) done: Vec<i32>,
}

impl Workers {
    /// A worker for each device. `program` is started with `arguments`, and ends with one of the codes `done` where it did its work.
    pub fn new(program: PathBuf, devices: &[String], done: Vec<i32>, arguments: Box<Arguments>) -> Self {
        let is_repeated = |device: &String| devices.iter().filter(|other| *other == device).count() > 1;
        let name = |(nth, device): (usize, &String)| match is_repeated(device) {
            true => format!("{device} #{}", nth + 1),
            false => device.clone(),
        };
        Self { program, names: devices.iter().enumerate().map(name).collect(), arguments, done }
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("program", &self.program).field("names", &self.names).finish_non_exhaustive()
    }
}
