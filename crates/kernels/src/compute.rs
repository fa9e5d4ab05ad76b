//! Which instructions and which precision an operation takes: a value that its caller chooses, not a setting of the
//! process.

use crate::{Error, Path, Precision};
use std::cell::Cell;

/// How operations on the CPU are computed.
///
/// An operation takes the value of the scope in which it is created ([`with`]) and keeps it: its worker threads and its
/// backward pass compute the same way, wherever and whenever they run. Two models in one process can thus use two
/// values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compute {
    /// The set of instructions. Results of two sets differ by rounding.
    pub path: Path,
    /// The precision of the factors of matrix products. bf16 changes results visibly, so it is never the default.
    pub precision: Precision,
}

/// The fastest instructions of this processor, and [`Precision::F32`].
impl Default for Compute {
    fn default() -> Self {
        Self { path: Path::detect(), precision: Precision::F32 }
    }
}

thread_local! {
    static CURRENT: Cell<Option<Compute>> = const { Cell::new(None) };
}

impl Compute {
    /// The value of the innermost [`with`] on this thread; outside of any, the default.
    pub fn current() -> Self {
        CURRENT.get().unwrap_or_default()
    }

    /// The same value, if this processor has it.
    ///
    /// Without this check nothing breaks: for a path that the processor lacks the portable one is taken, and bf16 is
    /// emulated with the same rounding, slowly.
    ///
    /// # Errors
    /// The processor or its operating system does not support the path or the precision.
    pub fn checked(self) -> Result<Self, Error> {
        if !self.path.is_available() {
            return Err(Error::Path(self.path));
        }
        if !self.precision.is_available() {
            return Err(Error::Precision(self.precision));
        }
        tracing::debug!(path = ?self.path, precision = ?self.precision, "compute");
        Ok(self)
    }
}

/// Runs `work`; operations that it creates on this thread compute as `compute` says. Scopes nest. A thread that `work`
/// starts or hands tasks to (rayon's `install` included) does not inherit the scope: enter it there.
///
/// ```
/// use kernels::{Compute, Path, Precision, with};
///
/// let compute = Compute { path: Path::Portable, precision: Precision::F32 };
/// assert_eq!(with(compute, Compute::current), compute);
/// assert_eq!(Compute::current(), Compute::default());
/// ```
pub fn with<T>(compute: Compute, work: impl FnOnce() -> T) -> T {
    /// Restores the outer value, also when `work` panics.
    struct Outer(Option<Compute>);
    impl Drop for Outer {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _outer = Outer(CURRENT.replace(Some(compute)));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest_and_end() {
        let portable = Compute { path: Path::Portable, precision: Precision::F32 };
        let rounded = Compute { precision: Precision::Bf16, ..portable };
        with(portable, || {
            assert_eq!(with(rounded, Compute::current), rounded);
            assert_eq!(Compute::current(), portable);
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(Compute::current(), Compute::default()));
            });
            assert!(std::panic::catch_unwind(|| with(rounded, || panic!("the scope has to end"))).is_err());
            assert_eq!(Compute::current(), portable);
        });
        assert_eq!(Compute::current(), Compute::default());
    }

    #[test]
    fn what_the_processor_lacks_is_refused() {
        Compute::default().checked().unwrap();
        for path in Path::ALL.into_iter().filter(|path| !path.is_available()) {
            let error = Compute { path, precision: Precision::F32 }.checked().unwrap_err().to_string();
            assert!(error.contains(&path.to_string()), "{error}");
        }
        for precision in Precision::ALL {
            match (Compute { precision, ..Compute::default() }).checked() {
                Ok(compute) => assert!(compute.precision.is_available()),
                Err(error) => {
                    assert!(!precision.is_available());
                    assert!(error.to_string().contains(&format!("precision {precision}")), "{error}");
                }
            }
        }
    }
}
