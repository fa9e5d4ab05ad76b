//! Faults that tests plan: an operation of a file or an object that fails, as disks and networks do.
//!
//! Nothing is injected unless a test has called [`inject`]; an operation then costs one load of an atomic integer more.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading, opening or asking for a file or an object.
    Read,
    /// Creating a file or folder.
    Create,
    /// Writing bytes.
    Write,
    /// Making sure that bytes are on the medium.
    Sync,
    /// Putting a finished file under its name.
    Rename,
    /// Removing a file.
    Remove,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with an input/output error; the next one works.
    Error,
    /// The operation and every later write fail for want of room.
    Full,
    /// Half of the bytes are written, then the operation fails.
    Short,
    /// The power goes: this operation and all later ones fail, and what was not synced is cut to half its length.
    PowerCut,
    /// One bit of what was read is another one.
    Flip,
    /// What is read ends early.
    Truncate,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Error, Self::Full, Self::Short, Self::PowerCut, Self::Flip, Self::Truncate];

    /// Whether it can happen to an operation.
    pub fn suits(self, operation: Operation) -> bool {
        match self {
            Self::Error | Self::PowerCut => true,
            Self::Full => matches!(operation, Operation::Create | Operation::Write | Operation::Sync),
            Self::Short => operation == Operation::Write,
            Self::Flip | Self::Truncate => operation == Operation::Read,
        }
    }
}

/// Which operation fails, and how.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Counted from 0. Threads do not always come in the same order: of later operations the first that can fail so does.
    pub at: usize,
    /// How.
    pub fault: Fault,
    /// Whether it can happen to an operation on this path, beside what [`Fault::suits`] says.
    pub is_fit: fn(&Path, Fault) -> bool,
}

/// Operations that were counted, and what was injected.
#[derive(Debug, Default)]
pub struct Log {
    /// What each operation was, in order.
    pub operations: Vec<(Operation, PathBuf)>,
    /// Whether the planned fault has happened.
    pub happened: bool,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    /// Below which folder operations count.
    root: PathBuf,
    log: Log,
    /// The fault goes on: the disk is full, or the power is off.
    lasting: Option<Fault>,
    unsynced: Vec<PathBuf>,
}

static ON: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts all operations on paths below `root` from now on, and lets one of them fail where a plan is given.
pub fn inject(root: &Path, plan: Option<Plan>) {
    *state() = Some(State { plan, root: root.to_owned(), ..State::default() });
    ON.store(true, Ordering::SeqCst);
}

/// Ends it; what had not been synced when the power went is then damaged.
pub fn end() -> Log {
    ON.store(false, Ordering::SeqCst);
    let state = state().take().unwrap_or_default();
    if state.lasting == Some(Fault::PowerCut) {
        for path in &state.unsynced {
            if let Ok(bytes) = std::fs::read(path) {
                let _ = std::fs::write(path, &bytes[..bytes.len() / 2]);
            }
        }
    }
    state.log
}

/// What happens to an operation.
pub(crate) fn meet(operation: Operation, path: &Path) -> io::Result<Option<Fault>> {
    if !ON.load(Ordering::Relaxed) {
        return Ok(None);
    }
    let mut state = state();
    let Some(state) = &mut *state else { return Ok(None) };
    if !path.starts_with(&state.root) {
        return Ok(None);
    }
    let n = state.log.operations.len();
    state.log.operations.push((operation, path.to_owned()));
    let fault = match (state.plan, state.lasting) {
        (_, Some(lasting)) if lasting == Fault::PowerCut || lasting.suits(operation) => Some(lasting),
        (Some(Plan { at, fault, is_fit }), None)
            if n >= at && !state.log.happened && fault.suits(operation) && is_fit(path, fault) =>
        {
            state.log.happened = true;
            if matches!(fault, Fault::Full | Fault::PowerCut) {
                state.lasting = Some(fault);
            }
            Some(fault)
        }
        _ => None,
    };
    match fault {
        None => Ok(None),
        Some(Fault::Error) => Err(io::Error::other("injected: input/output error")),
        Some(Fault::Full) => Err(io::Error::new(ErrorKind::StorageFull, "injected: no space left on device")),
        Some(Fault::PowerCut) => Err(io::Error::other("injected: the power is off")),
        Some(fault) => Ok(Some(fault)),
    }
}

/// As [`meet`], for an operation that is no read of bytes and no write.
pub(crate) fn check(operation: Operation, path: &Path) -> io::Result<()> {
    meet(operation, path).map(drop)
}

/// Notes that a file's bytes are not on the medium yet.
pub(crate) fn unsynced(path: &Path) {
    if ON.load(Ordering::Relaxed)
        && let Some(state) = &mut *state()
        && state.lasting.is_none()
    {
        state.unsynced.push(path.to_owned());
    }
}

/// Notes that they are.
pub(crate) fn synced(path: &Path) {
    if ON.load(Ordering::Relaxed)
        && let Some(state) = &mut *state()
        && state.lasting.is_none()
    {
        state.unsynced.retain(|other| other != path);
    }
}

/// A file has another name.
pub(crate) fn renamed(from: &Path, to: &Path) {
    if ON.load(Ordering::Relaxed)
        && let Some(state) = &mut *state()
    {
        state.unsynced.iter_mut().filter(|path| *path == from).for_each(|path| *path = to.to_owned());
    }
}

/// Damages bytes that were read.
pub(crate) fn damage(fault: Option<Fault>, bytes: &mut Vec<u8>) {
    match fault {
        Some(Fault::Flip) if !bytes.is_empty() => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
        }
        Some(Fault::Truncate) => bytes.truncate(bytes.len() / 2),
        _ => {}
    }
}
