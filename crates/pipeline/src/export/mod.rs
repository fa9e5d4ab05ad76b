//! A trained model in the forms that other programs read.
//!
//! | file | what |
//! | --- | --- |
//! | `onnx.rs` | one ONNX graph, with what its user has to know and a file to check it by |
//! | `parity.rs` | made sounds and what the model says of them |
//! | `readme.rs` | how the graph is used |
//! | `hub/` | a folder for the Hugging Face hub: the model without paths, the graph, and a card with the figures |

pub mod hub;
mod onnx;
mod parity;
mod readme;

pub use export_onnx::{About, Begin};
pub use onnx::{Options, Outcome, run};
