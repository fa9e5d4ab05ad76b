use crate::bf16;
use std::fmt;

/// Rounding of the factors of a matrix product. Sums are 32 bits wide in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Not rounded: 24 significant bits.
    F32,
    /// 8 significant bits with the range of `f32`, multiplied in AMX tiles or in the vectors of AVX-512 BF16.
    Bf16,
}

impl Precision {
    /// Every precision, finest first.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Whether this processor has the instructions and the operating system permits them. The first call for
    /// [`Precision::Bf16`] requests that permission, which then holds for the whole process.
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
