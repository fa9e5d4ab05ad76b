//! The precision of a model on a device that is not the CPU.

use crate::compute::{Precision, device_name};
use crate::error::{Context, Result, bail};
use candle_core::Device;

/// What a configuration comes to, for every model: `auto` is bf16 where the device has it.
///
/// # Errors
/// bf16 was asked for, and the device does not have it.
pub(crate) fn of(asked: Precision, device: &Device) -> Result<kernels::Precision> {
    if asked == Precision::F32 {
        return Ok(kernels::Precision::F32);
    }
    match (asked, kernels::Precision::Bf16.is_available_on(device).context("--precision")?) {
        (_, true) => Ok(kernels::Precision::Bf16),
        (Precision::Bf16, false) => {
            let name = device_name(device);
            bail!("--precision bf16: {name} does not have it: an NVIDIA GPU from compute capability 8.0 on does")
        }
        (_, false) => Ok(kernels::Precision::F32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the CPU in place of a device: what a request comes to is the same for all of them.
    #[test]
    fn what_the_device_has_is_taken() {
        let of = |asked| of(asked, &Device::Cpu);
        assert_eq!(of(Precision::F32).unwrap(), kernels::Precision::F32);
        let expected = kernels::Precision::Bf16.is_available();
        assert_eq!(of(Precision::Auto).unwrap() == kernels::Precision::Bf16, expected);
        assert_eq!(of(Precision::Bf16).is_ok(), expected);
    }
}
