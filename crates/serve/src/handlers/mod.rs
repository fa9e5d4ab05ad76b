//! Requests and their answers, by what they are about; those about a recording are in `predict`.

pub(crate) mod calibrations;
pub(crate) mod fits;
pub(crate) mod live;
pub(crate) mod models;
pub(crate) mod queue;
pub(crate) mod reviews;

use serde::Serialize;

/// The body that `POST` on `/api/live`, `/api/fits` and `/api/calibrations` gives.
#[derive(Serialize)]
pub(crate) struct Created {
    pub(crate) id: String,
}
