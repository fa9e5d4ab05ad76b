//! Which instructions and which precision the CPU's kernels use, and how that is recorded with the run.

pub use crate::measured_precision::MeasuredPrecision;

use crate::device_precision;
use crate::error::{Context, Result, bail};
use crate::named::named;
use crate::strategy::ModelKind;
use candle_core::Device;
use serde::{Deserialize, Serialize};

/// How the CPU computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComputeConfig {
    /// The set of instructions; results of two of them differ by rounding.
    pub instructions: Instructions,
    /// What the factors of a product are rounded to.
    pub precision: Precision,
}

named! {
    /// A set of instructions of the CPU.
    #[derive(Default)]
    pub enum Instructions {
        #[default]
        Auto = "auto", "The fastest that the processor has";
        Portable = "portable", "Those that every processor has";
        Neon = "neon", "NEON";
        Avx2 = "avx2", "AVX2 and FMA";
        Avx512 = "avx512", "AVX-512";
    }
}

named! {
    /// What the factors of products are rounded to.
    #[derive(Default)]
    pub enum Precision {
        #[default]
        Auto = "auto", "bf16 on NVIDIA GPUs that have it, and for the Vision Transformer on processors where a measurement finds it faster; else f32";
        F32 = "f32", "Not rounded";
        Bf16 = "bf16", "8 significant bits, on processors with AVX-512 BF16 or AMX and on NVIDIA GPUs from compute capability 8.0 on; sums stay 32 bits wide";
    }
}

/// What a configuration comes to on this machine.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What the kernels use.
    pub compute: kernels::Compute,
    /// The record of it for the model file: the same wherever the same is computed.
    pub record: serde_json::Value,
    /// What `auto` decided by, where it had to measure.
    pub measured: Option<MeasuredPrecision>,
}

impl ComputeConfig {
    /// What the kernels are to use, and the record of it for the model file.
    ///
    /// # Errors
    /// Instructions that this processor lacks, or a precision that the model does not have.
    pub fn apply(self, device: &Device, model: ModelKind) -> Result<Applied> {
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
        let mut measured = None;
        let precision = match (self.precision, model) {
            (asked, _) if !device.is_cpu() => device_precision::of(asked, device)?,
            (Precision::Bf16, ModelKind::Cnn) => {
                bail!("--precision bf16: on the CPU the CNN is computed in f32; leave it at auto")
            }
            (Precision::Bf16, _) => kernels::Precision::Bf16,
            (Precision::Auto, ModelKind::Vit) if has_bf16 => {
                let found = MeasuredPrecision::here(path)?;
                let precision = found.precision();
                measured = Some(found);
                precision
            }
            _ => kernels::Precision::F32,
        };
        let mut compute = kernels::Compute { path, precision };
        if device.is_cpu() {
            compute = compute.checked().context("--precision")?;
        }
        let instructions = device.is_cpu().then(|| path.to_string());
        let device = device_name(device);
        let record =
            serde_json::json!({"device": device, "instructions": instructions, "precision": precision.to_string()});
        Ok(Applied { compute, record, measured })
    }
}

/// The device's name in a run's record.
pub fn device_name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
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
        let message = crate::one_line(&config.apply(&Device::Cpu, ModelKind::Cnn).unwrap_err());
        assert!(message.contains("compute.instructions") && message.contains(&path.to_string()), "{message}");
    }

    #[test]
    fn what_computes_is_said() {
        let Applied { compute, record: said, measured } =
            ComputeConfig::default().apply(&Device::Cpu, ModelKind::Cnn).unwrap();
        assert_eq!((compute, measured), (kernels::Compute::default(), None));
        assert_eq!(said["instructions"], compute.path.to_string());
        assert_eq!(said["precision"], "f32");
        let bf16 = ComputeConfig { precision: Precision::Bf16, ..ComputeConfig::default() };
        assert!(bf16.apply(&Device::Cpu, ModelKind::Cnn).unwrap_err().to_string().contains("--precision bf16"));
    }
}
