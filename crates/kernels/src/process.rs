//! What the libraries of a process that trains share, settled once: one thread pool, and memory that stays.

use std::ffi::c_long;

/// How long freed pages stay with the process, in milliseconds: longer than a training step takes, so that the next one
/// finds them mapped and needs no zeros from the system again.
const PURGE_DELAY_MS: c_long = 10_000;

/// mimalloc's `mi_option_purge_delay`, which its bindings leave out.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Pages that a process's memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Of some MiB where the system has them: for training, which goes over much memory again and again.
    Huge,
    /// Of some KiB: for what streams through little memory. To clear a huge page for a few values costs more than the
    /// values do.
    Small,
}

/// Makes candle compute with rayon's threads alone, and the allocator keep its memory between training steps. To be
/// called first thing in `main`, with the number of threads that the program's own setting asks for.
///
/// Candle has a second pool for large sums, which takes its size from the environment; it is given size 1. Where another
/// thread may be running already, the environment is left as it is: to change it then is undefined behaviour. What the
/// user has set stays.
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

/// No huge pages from now on; a system that does not know the call goes on with them.
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
