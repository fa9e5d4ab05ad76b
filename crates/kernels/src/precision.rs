use crate::{bf16, device};
use candle_core::Device;
use std::fmt;

/// Rounding of the factors of a matrix product. Sums are 32 bits wide in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Not rounded: 24 significant bits.
    F32,
    /// 8 significant bits with the range of `f32`, multiplied in AMX tiles, in the vectors of AVX-512 BF16, or by a GPU.
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

    /// The same for a device: an NVIDIA GPU multiplies bf16 from compute capability 8.0 on; on Metal only f32 is computed.
    ///
    /// # Errors
    /// An error of the driver.
    pub fn is_available_on(self, device: &Device) -> Result<bool, crate::Error> {
        match self {
            Self::F32 => Ok(true),
            Self::Bf16 if device.is_cpu() => Ok(self.is_available()),
            Self::Bf16 => device::multiplies_bf16(device),
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
