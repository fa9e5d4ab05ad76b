//! Which instructions and which precision the CPU's kernels use, and how that is recorded with the run.

use crate::cli::ModelKind;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How the CPU computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ComputeConfig {
    /// The set of instructions; results of two of them differ by rounding.
    pub(crate) instructions: Instructions,
    /// What the factors of a product are rounded to.
    pub(crate) precision: Precision,
}

/// A set of instructions, or the fastest that there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Instructions {
    #[default]
    Auto,
    Portable,
    Neon,
    Avx2,
    Avx512,
}

/// A precision, or the one that the model is best trained with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Precision {
    /// What suits the model: bf16 for the Vision Transformer where the processor has it, else f32
    #[default]
    Auto,
    /// Not rounded
    F32,
    /// 8 significant bits, on processors with AVX-512 BF16 or AMX; sums stay 32 bits wide
    Bf16,
}

impl ComputeConfig {
    /// What the kernels are to use, and the record of it for the model file.
    ///
    /// # Errors
    /// Instructions that this processor lacks, or a precision that the model does not have.
    pub(crate) fn apply(self, device: &Device, model: ModelKind) -> Result<(kernels::Compute, serde_json::Value)> {
        let path = match self.instructions {
            Instructions::Auto => kernels::Path::detect(),
            Instructions::Portable => kernels::Path::Portable,
            Instructions::Neon => kernels::Path::Neon,
            Instructions::Avx2 => kernels::Path::Avx2,
            Instructions::Avx512 => kernels::Path::Avx512,
        };
        let exact = kernels::Compute { path, precision: kernels::Precision::F32 };
        exact.checked().context("compute.instructions")?;
        let has_bf16 = device.is_cpu() && kernels::Precision::Bf16.is_available();
        let precision = match (self.precision, model) {
            (Precision::Bf16, ModelKind::Cnn) => {
                bail!("--precision bf16: the CNN is computed in f32; leave it at auto")
            }
            (Precision::Bf16, _) if !device.is_cpu() => {
                bail!("--precision bf16: only on the CPU; on {} f32 is computed", crate::device::name(device))
            }
            (Precision::Bf16, _) => kernels::Precision::Bf16,
            (Precision::Auto, ModelKind::Vit) if has_bf16 => kernels::Precision::Bf16,
            _ => kernels::Precision::F32,
        };
        let compute = kernels::Compute { path, precision }.checked().context("--precision")?;
        let instructions = device.is_cpu().then(|| path.to_string());
        let device = crate::device::name(device);
        let record =
            serde_json::json!({"device": device, "instructions": instructions, "precision": precision.to_string()});
        Ok((compute, record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processor_lacks_is_an_error() {
        let missing = [(Instructions::Neon, kernels::Path::Neon), (Instructions::Avx512, kernels::Path::Avx512)];
        let Some((instructions, path)) = missing.into_iter().find(|(_, path)| !path.is_available()) else {
            panic!("a processor with NEON and AVX-512");
        };
        let config = ComputeConfig { instructions, ..ComputeConfig::default() };
        let message = format!("{:#}", config.apply(&Device::Cpu, ModelKind::Cnn).unwrap_err());
        assert!(message.contains("compute.instructions") && message.contains(&path.to_string()), "{message}");
    }

    #[test]
    fn what_computes_is_said() {
        let (compute, said) = ComputeConfig::default().apply(&Device::Cpu, ModelKind::Cnn).unwrap();
        assert_eq!(compute, kernels::Compute::default());
        assert_eq!(said["instructions"], compute.path.to_string());
        assert_eq!(said["precision"], "f32");
        let bf16 = ComputeConfig { precision: Precision::Bf16, ..ComputeConfig::default() };
        assert!(bf16.apply(&Device::Cpu, ModelKind::Cnn).unwrap_err().to_string().contains("--precision bf16"));
    }
}
