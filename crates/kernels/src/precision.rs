use crate::{Error, bf16};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// What the factors of a matrix product are rounded to. Sums are 32 bits wide in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Not rounded: 24 significant bits.
    F32,
    /// 8 significant bits with the range of `f32`, multiplied in AMX tiles or in the vectors of AVX-512 BF16.
    Bf16,
}

/// The precision in use, by its place in [`Precision::ALL`].
static CHOSEN: AtomicU8 = AtomicU8::new(Precision::F32 as u8);

impl Precision {
    /// Every precision, finest first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Whether this processor has the instructions and its system lets this process use them. The first call for
    /// [`Precision::Bf16`] asks the system for that permission, which is then the whole process's.
    pub fn is_available(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => bf16::is_available(),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// The precision that operations with a choice take: the one that was set, else [`Precision::F32`]. Rounding to bf16
/// changes results visibly, so it is never chosen by itself.
pub fn precision() -> Precision {
    Precision::ALL[CHOSEN.load(Ordering::Relaxed) as usize]
}

/// Sets the precision for the whole process, where it is not available too: products are then computed in plain Rust,
/// with the same roundings and slowly. For tests.
pub fn force_precision(precision: Precision) {
    CHOSEN.store(precision as u8, Ordering::Relaxed);
}

/// Sets the precision for the whole process.
///
/// # Errors
/// The processor or its system does not have it.
pub fn set_precision(precision: Precision) -> Result<(), Error> {
    if !precision.is_available() {
        return Err(Error::Precision(precision));
    }
    force_precision(precision);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_available_can_be_set() {
        assert_eq!(precision(), Precision::F32);
        for (i, wanted) in Precision::ALL.into_iter().enumerate() {
            assert_eq!(wanted as usize, i);
            match set_precision(wanted) {
                Ok(()) => assert_eq!(precision(), wanted),
                Err(error) => {
                    assert!(!wanted.is_available());
                    assert!(error.to_string().contains(&format!("precision {wanted}")), "{error}");
                }
            }
        }
        set_precision(Precision::F32).unwrap();
        assert_eq!(precision(), Precision::F32);
    }
}
