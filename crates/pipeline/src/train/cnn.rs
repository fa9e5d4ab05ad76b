//! A convolutional network from nothing.

use super::session::Session;
use crate::error::Result;
use train::Outcome;

/// A convolutional network from nothing.
pub(super) fn train(session: &Session<'_>) -> Result<Outcome> {
    let Session { config, data, job, .. } = session;
    let architecture = config.cnn.architecture();
    let (classifier, parameters) = inference::build(&architecture, data.classes.len(), config.train.seed, &job.device)?;
    session.say("cnn", &parameters, "");
    session.fit(&*classifier, &parameters, data, &config.train)
}
