//! Why a model is not exported.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part of the model that has no form in a graph; the text says which, and what to do.
    #[error("{0}")]
    Unsupported(String),
    /// A tensor that the model's file lacks or that has another shape.
    #[error("tensor {name}: {problem}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Part of the header that cannot be read.
    #[error("{what}: {source}")]
    Header {
        /// Which.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The front end.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// The model.
    #[error(transparent)]
    Inference(#[from] inference::Error),
    /// An operation on tensors.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// A graph that an evaluation does not understand.
    #[error("node {node}: {problem}")]
    Node {
        /// Its name.
        node: String,
        /// What is wrong.
        problem: String,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
