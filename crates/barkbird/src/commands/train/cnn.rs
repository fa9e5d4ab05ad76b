use super::Session;
use crate::model;
use anyhow::Result;
use train::Outcome;

/// A convolutional network from nothing.
pub(super) fn train(session: &Session<'_>) -> Result<Outcome> {
    let Session { config, data, device, .. } = session;
    let architecture = config.cnn.architecture();
    let (classifier, parameters) = model::build(&architecture, data.classes.len(), config.train.seed, device)?;
    session.say("cnn", &parameters, "");
    session.fit(&*classifier, &parameters, data, &config.train)
}
