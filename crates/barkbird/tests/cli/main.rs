//! The real binary, run as a person runs it.

mod anomaly;
mod augment;
mod backbone;
mod bad_input;
mod clips;
mod common;
mod devices;
mod doctor;
#[cfg(feature = "hub")]
mod fetch;
mod finetune;
mod hub;
#[cfg(feature = "hub")]
mod hub_folder;
mod odd;
mod pipeline;
mod predict;
mod report;
mod shell;
mod stress;

/// The hub of the tests of `hub`, which use all of it.
#[cfg(feature = "hub")]
#[path = "../../../hub/tests/hub/test_hub/mod.rs"]
#[allow(dead_code, unused_imports, clippy::unwrap_used, reason = "the rest is for models-vit; a test may panic")]
mod test_hub;

#[cfg(feature = "hub")]
#[path = "../../../hub/tests/hub/web_server.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the hub's tests use the rest; a test may panic")]
mod web_server;
