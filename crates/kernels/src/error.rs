/// Errors before a kernel starts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// An argument does not have the shape that it must have.
    #[error("{operation}: {what}: expected {expected}, got {got}")]
    Shape {
        /// The operation that was called.
        operation: &'static str,
        /// The argument.
        what: &'static str,
        /// The shape that was expected.
        expected: String,
        /// The shape that was found.
        got: String,
    },
    /// This processor does not have the instructions of a path.
    #[error("kernels: path {0}: this processor does not have its instructions")]
    Path(crate::Path),
    /// This processor, or its system, does not have a precision.
    #[error(
        "kernels: precision {0}: it needs AVX-512 BF16 or AMX, which this processor does not have or its operating system \
         does not permit"
    )]
    Precision(crate::Precision),
}
