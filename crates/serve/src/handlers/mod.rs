//! Requests and their answers, by what they are about; those about a recording are in `predict`.

pub(crate) mod fits;
pub(crate) mod live;
pub(crate) mod models;
pub(crate) mod queue;
pub(crate) mod reviews;

use serde::Serialize;

/// The body of `POST /api/live` and of `POST /api/fits`.
#[derive(Serialize)]
pub(crate) struct Created {
    pub(crate) id: String,
}
