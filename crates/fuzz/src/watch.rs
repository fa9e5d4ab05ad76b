//! Memory and time of one execution, measured from outside of what runs.

use peak_alloc::PeakAlloc;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Seconds after which the process ends itself: an execution that takes so long hangs.
pub const HANG_S: u64 = 20;

/// Bytes after which the process ends itself, before the machine suffers.
pub const MOST_MEMORY: usize = 3 << 30;

/// The exit code of a process that hung, and of one that took too much memory.
pub const HUNG: i32 = 101;
/// See [`HUNG`].
pub const TOO_MUCH_MEMORY: i32 = 102;

/// Milliseconds since the process began at which the current execution began; 0 between executions.
static BEGAN_MS: AtomicU64 = AtomicU64::new(0);

/// Where the last panic was, and what it said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// How one execution went.
#[derive(Debug, Clone)]
pub struct Measured<T> {
    /// What it gave; none after a panic.
    pub result: Option<T>,
    /// Wall time.
    pub seconds: f64,
    /// The most memory that it held at a time, beside what was held before, in bytes.
    pub peak: usize,
    /// Where it panicked and what was said; with a result, a guard turned the panic into an error.
    pub panic: Option<String>,
}

/// Runs something and measures it; one thing at a time.
pub fn measure<T>(work: impl FnOnce() -> T) -> Measured<T> {
    // One at a time: memory is counted for the process.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *lock() = None;
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    BEGAN_MS.store(now_ms(), Ordering::SeqCst);
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    let seconds = start.elapsed().as_secs_f64();
    BEGAN_MS.store(0, Ordering::SeqCst);
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    Measured { result, seconds, peak, panic: lock().take() }
}

fn lock() -> std::sync::MutexGuard<'static, Option<String>> {
    PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Milliseconds since the first call, and 1.
fn now_ms() -> u64 {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}

/// Keeps panics silent and notes where they were, and starts a thread that ends the process where an execution hangs or
/// takes too much memory.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
        let said = info.payload_as_str().unwrap_or("no message");
        *lock() = Some(format!("{place}: {said}"));
    }));
    now_ms();
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(5));
            let began = BEGAN_MS.load(Ordering::SeqCst);
            if began > 0 && now_ms().saturating_sub(began) > HANG_S * 1000 {
                std::process::exit(HUNG);
            }
            if ALLOCATOR.current_usage() > MOST_MEMORY {
                std::process::exit(TOO_MUCH_MEMORY);
            }
        }
    });
}

/// The input that is executed, in a file: it is there when the process ends in the middle.
pub struct InFlight {
    file: File,
    path: PathBuf,
}

impl InFlight {
    /// A new file.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::options().write(true).create(true).truncate(true).open(path)?, path: path.to_owned() })
    }

    /// Notes an input: its length in 8 bytes, little-endian, then the input. What is behind it is of an earlier one.
    ///
    /// # Errors
    /// A full disk.
    pub fn note(&mut self, input: &[u8]) -> io::Result<()> {
        use std::io::{IoSlice, Seek, Write};
        self.file.rewind()?;
        let (length, n) = ((input.len() as u64).to_le_bytes(), 8 + input.len());
        let written = self.file.write_vectored(&[IoSlice::new(&length), IoSlice::new(input)])?;
        if written == n { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// The input that was noted last in a file.
    ///
    /// # Errors
    /// A file that cannot be read or has none.
    pub fn read(path: &Path) -> io::Result<Vec<u8>> {
        let bytes = std::fs::read(path)?;
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        rest.get(..length).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // What is left over says nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_panics_are_measured() {
        start();
        // So much that what tests beside it free meanwhile does not matter.
        let measured = measure(|| vec![1u8; 64 << 20].len());
        assert_eq!(measured.result, Some(64 << 20));
        assert!(measured.peak >= 32 << 20, "{}", measured.peak);
        let failed = measure(|| panic!("nothing {}", 3));
        assert!(failed.result.is_none() && failed.panic.is_some_and(|text| text.ends_with("nothing 3")));
    }
}
