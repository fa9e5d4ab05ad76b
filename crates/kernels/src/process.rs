//! Settings that the libraries of a process share: one thread pool, and memory that stays mapped.
//!
//! These are the business of the binary: a library never calls them, and a program that embeds the libraries may leave
//! them out. Instructions and precision are not among them; see [`crate::Compute`].

use std::ffi::c_long;

/// How long freed pages stay with the process, in milliseconds: longer than a training step takes, so that the next step
/// finds them mapped and the system need not zero them again.
const PURGE_DELAY_MS: c_long = 10_000;

/// mimalloc's `mi_option_purge_delay`, which its bindings lack.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// The page size of a process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Some MiB, if the system has them: for training, which uses much memory again and again.
    Huge,
    /// Some KiB: for streaming through little memory, where clearing a huge page for a few values would cost more than
    /// the values themselves.
    Small,
}

/// Makes candle use only rayon's threads, and the allocator keep its memory between training steps. This changes the whole
/// process: only a binary should call it, first thing in `main`, with its own setting of the number of threads.
///
/// Candle has a second pool for large sums, which takes its size from the environment; it gets size 1. If another thread
/// may be running already, the environment is not changed, because that would be undefined behavior. Variables that the
/// user has set are kept.
pub fn settle_process(threads: Option<usize>, pages: Pages) {
    if pages == Pages::Small {
        small_pages();
    }
    // SAFETY: any value is fine for an option, and unknown options are ignored.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) }
    if !is_alone() {
        return;
    }
    let set = |name, value: usize| {
        if std::env::var_os(name).is_none() {
            // SAFETY: there is no other thread that could read the environment.
            unsafe { std::env::set_var(name, value.to_string()) }
        }
    };
    set("CANDLE_NUM_THREADS", 1);
    if let Some(threads) = threads {
        set("RAYON_NUM_THREADS", threads);
    }
}

/// Runs `work`, which sets signal handlers, and lets SIGHUP be ignored afterwards where it was before: a program that
/// `nohup` started goes on when its terminal is closed.
pub fn with_hangup_kept<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    // SAFETY: SIG_IGN is a valid disposition, no handler of ours is called by it, and all zeros are a valid `sigaction`.
    let is_ignored = unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &raw mut before) == 0 && before.sa_sigaction == libc::SIG_IGN
    };
    let out = work();
    #[cfg(unix)]
    if is_ignored {
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    out
}

/// No huge pages from now on; a system without this call keeps them.
fn small_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call touches no memory of ours; what it does not use has to be zero.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1 as libc::c_ulong, 0, 0, 0);
    }
}

/// Whether this is certainly the only thread of the process.
fn is_alone() -> bool {
    cfg!(target_os = "linux") && std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs no C code")]
    fn the_option_is_the_delay() {
        // SAFETY: reading and setting an option.
        let read = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!(read() < PURGE_DELAY_MS, "{}: mimalloc's default", read());
        settle_process(None, Pages::Huge);
        assert_eq!(read(), PURGE_DELAY_MS);
        // The test harness has threads: the environment must not have been touched.
        assert!(std::env::var_os("CANDLE_NUM_THREADS").is_none());
    }
}
