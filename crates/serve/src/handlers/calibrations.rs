//! The requests about calibrations.

use super::Created;
use super::fits::parse_name;
use crate::app::App;
use crate::calibrations::Seen;
use crate::problem::{Answer, Problem};
use crate::review::Answers;
use crate::upload;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::task::spawn_blocking;

type Id = Result<Path<String>, PathRejection>;

/// The body of `POST /api/calibrations`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCalibration {
    /// The model that is calibrated, by its name.
    pub model: String,
    /// What the model for the place is called.
    pub name: String,
}

impl NewCalibration {
    /// Of a body.
    ///
    /// # Errors
    /// What is no such JSON, and a name that cannot be one.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let new: Self = upload::parse(body)?;
        Ok(Self { name: parse_name(&new.name)?, ..new })
    }
}

/// The body of `GET /api/calibrations`.
#[derive(Serialize)]
pub(crate) struct List {
    calibrations: Vec<Seen>,
}

/// `GET /api/calibrations`.
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<List> {
    Json(List { calibrations: app.calibrations.all().iter().map(|calibration| calibration.seen()).collect() })
}

/// `POST /api/calibrations`.
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Answer<(StatusCode, Json<Created>)> {
    let body = upload::json(request, &app.options.limits).await?;
    let NewCalibration { model, name } = NewCalibration::parse(&body)?;
    if app.options.fit.is_none() {
        return Err(Problem::not_found("the server was started without training, which calibration is a part of"));
    }
    super::queue::of(&app)?;
    let of = app.models.get(Some(&model))?;
    // Recordings are looked for on the disk.
    let permit = app.turn(&app.uploads, app.options.limits.wait).await?;
    let from = Arc::clone(&app);
    let begun = spawn_blocking(move || -> Answer<String> {
        let _permit = permit;
        let csv = from.reviews.bytes().map_err(|_| Problem::internal("the answers cannot be read"))?;
        let answers = Answers::about(super::queue::of(&from)?, &csv)?;
        from.calibrations.begin(name, &of, answers, from.options.limits.n_fits)
    });
    let id = begun.await.map_err(|_| Problem::internal("the answers cannot be read"))??;
    Ok((StatusCode::CREATED, Json(Created { id })))
}

/// `GET /api/calibrations/ID`.
pub(crate) async fn one(State(app): State<Arc<App>>, id: Id) -> Answer<Json<Seen>> {
    Ok(Json(app.calibrations.get(&id?.0)?.seen()))
}

/// `DELETE /api/calibrations/ID`: stops a calibration that runs or waits, and removes another.
pub(crate) async fn remove(State(app): State<Arc<App>>, id: Id) -> Answer<StatusCode> {
    let calibration = app.calibrations.get(&id?.0)?;
    let from = Arc::clone(&app);
    drop(spawn_blocking(move || from.calibrations.end(&calibration, &from.models)).await);
    Ok(StatusCode::NO_CONTENT)
}
