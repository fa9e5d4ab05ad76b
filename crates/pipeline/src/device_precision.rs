//! The precision of a model on a device that is not the CPU.

use crate::compute::{Precision, device_name};
use crate::error::{Context, Result, bail};
use crate::strategy::ModelKind;
use candle_core::Device;

/// Whether a model's layers can be computed with bf16 on a device.
fn is_rounded(model: ModelKind) -> bool {
    matches!(model, ModelKind::Vit)
}

/// What a configuration comes to for a model: `auto` is bf16 where model and device have it.
///
/// # Errors
/// bf16 was asked for, and the model or the device does not have it.
pub(crate) fn of(asked: Precision, device: &Device, model: ModelKind) -> Result<kernels::Precision> {
    if asked == Precision::F32 || asked == Precision::Auto && !is_rounded(model) {
        return Ok(kernels::Precision::F32);
    }
    let name = device_name(device);
    if !is_rounded(model) {
        bail!("--precision bf16: on {name} this model is computed in f32; leave it at auto");
    }
    match (asked, kernels::Precision::Bf16.is_available_on(device).context("--precision")?) {
        (_, true) => Ok(kernels::Precision::Bf16),
        (Precision::Bf16, false) => {
            bail!("--precision bf16: {name} does not have it: an NVIDIA GPU from compute capability 8.0 on does")
        }
        (_, false) => Ok(kernels::Precision::F32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the CPU in place of a device: what model and request come to is the same for all of them.
    #[test]
    fn a_model_without_bf16_is_f32_and_says_so() {
        let of = |asked, model| of(asked, &Device::Cpu, model);
        assert_eq!(of(Precision::Auto, ModelKind::Cnn).unwrap(), kernels::Precision::F32);
        assert_eq!(of(Precision::F32, ModelKind::Vit).unwrap(), kernels::Precision::F32);
        assert!(of(Precision::Bf16, ModelKind::Cnn).unwrap_err().to_string().contains("leave it at auto"));
        let expected = kernels::Precision::Bf16.is_available();
        assert_eq!(of(Precision::Auto, ModelKind::Vit).unwrap() == kernels::Precision::Bf16, expected);
        assert_eq!(of(Precision::Bf16, ModelKind::Vit).is_ok(), expected);
    }
}
