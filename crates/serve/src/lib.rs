//! The web page and the HTTP API of barkbird, over models that stay open.
//!
//! [`run`] opens the models and answers until it is cancelled; then it takes nothing new, finishes what was begun, and returns.
//! Requests are answered by a few threads; each model computes in threads of its own, which take tasks, as many at a time as
//! [`Limits`] says. What is uploaded goes to a file without a name, and no path of a request is looked for on the disk.
//!
//! | file | what happens to a request |
//! | --- | --- |
//! | `server.rs` | the connection is accepted |
//! | `routes.rs` | the path is found, and every request looked at |
//! | `guard.rs` | host, origin and token are compared with the server's own |
//! | `upload.rs` | the body is received, within bounds |
//! | `predict/` | a recording is classified: as one answer, as events, or as a table |
//! | `worker.rs` | the model that is asked |
//! | `handlers/` | the other requests |
//! | `live/`, `review/`, `fits/`, `calibrations/` | what is kept of listening, answers of reviewers, training, models for a place |
//! | `problem.rs` | what a request that fails is answered |
//!
//! The interface is described by `openapi.json` ([`OPENAPI`]), which tests compare with the handlers.
//!
//! This crate must not know the command line. It says what it does through the observer of its job; of sounds and names of files it
//! logs nothing above the level debug.
//!
//! ```no_run
//! use pipeline::Job;
//! use serve::{Options, Server};
//!
//! let job = Job::default();
//! let server = Server::bind(Options::new(vec!["run".into()]), &job)?;
//! println!("http://{}/", server.addr());
//! server.run()?;
//! # Ok::<(), serve::Error>(())
//! ```

#![allow(
    clippy::result_large_err,
    reason = "errors of `pipeline` are large, and none of these functions is called often"
)]

mod answer;
mod app;
mod calibrations;
mod error;
mod events;
mod feed;
mod fits;
mod folder;
mod guard;
mod handlers;
mod line;
mod live;
mod metrics;
mod models;
mod names;
mod openapi;
mod options;
mod page;
mod predict;
mod problem;
mod progress;
mod review;
mod routes;
mod server;
mod upload;
mod worker;

pub use error::{Error, Result};
pub use fits::NewClip;
pub use handlers::calibrations::NewCalibration;
pub use handlers::fits::NewFit;
pub use handlers::reviews::parse as parse_reviews;
pub use live::Listen;
pub use openapi::OPENAPI;
pub use options::{Ask, FitSettings, Limits, Options, ReviewTable};
pub use predict::Asked;
pub use problem::Problem;
pub use server::{Server, run};
