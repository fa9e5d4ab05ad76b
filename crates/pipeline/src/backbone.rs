//! ONNX models as backbones: the check of a file.

use crate::error::Result;
use std::path::PathBuf;

#[cfg(feature = "onnx")]
pub use models_onnx::Check;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The ONNX file; what the file does not say of itself is in the TOML file beside it.
    pub file: PathBuf,
}

/// What a check finds, in a build without the feature `onnx`: never anything.
#[cfg(not(feature = "onnx"))]
#[derive(Debug, Clone, serde::Serialize)]
pub enum Check {}

#[cfg(not(feature = "onnx"))]
impl std::fmt::Display for Check {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

/// Checks that an ONNX model works as a backbone.
///
/// # Errors
/// A model that cannot be read or run, that is not described well enough, or whose outputs are not finite or differ from call
/// to call; a build without the feature `onnx`.
#[cfg(feature = "onnx")]
#[tracing::instrument(level = "info", name = "backbone check", skip_all)]
pub fn run(options: &Options) -> Result<Check> {
    Ok(models_onnx::check(&options.file)?)
}

/// Says how to build a barkbird that can.
///
/// # Errors
/// Always.
#[cfg(not(feature = "onnx"))]
pub fn run(options: &Options) -> Result<Check> {
    crate::error::bail!("{}", inference::onnx::not_built(&options.file))
}
