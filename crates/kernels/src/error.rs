/// What can go wrong before a kernel starts.
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
    #[error("kernels: path {0} was asked for, and this processor does not have its instructions")]
    Path(crate::Path),
    /// This processor, or its system, does not have a precision.
    #[error(
        "kernels: precision {0} was asked for, and it takes AVX-512 BF16, or AMX tiles for bf16, which this processor does \
         not have or its system does not give"
    )]
    Precision(crate::Precision),
}
