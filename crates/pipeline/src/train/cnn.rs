//! A convolutional network, from nothing or from a model that has one.

use super::pretrained::Body;
use super::session::Session;
use crate::error::{Result, bail};
use crate::named::Named;
use crate::strategy::Strategy;
use train::Outcome;

/// A convolutional network: from nothing, or from the one of a model that is named.
pub(super) fn train(session: &mut Session<'_>) -> Result<Outcome> {
    match session.config.finetune.pretrained.clone() {
        None => from_nothing(session),
        Some(name) => from_model(session, name),
    }
}

/// The network of another model goes on; its last layer is a new one where the classes are others.
fn from_model(session: &mut Session<'_>, name: String) -> Result<Outcome> {
    session.check_out()?;
    let (place, commit) = session.locate(&name)?;
    let own = session.own(&place, &name, "cnn")?;
    let strategy = match session.config.finetune.strategy {
        Strategy::Auto => Strategy::Full,
        strategy @ (Strategy::Full | Strategy::Probe) => strategy,
        other => bail!("--strategy {}: a CNN has full and probe", other.name()),
    };
    session.settle(strategy)?;
    session.config.finetune.pretrained = Some(name);
    session.config.finetune.revision = commit;
    session.data.normalization = own.normalization.clone();
    let Session { config, data, job, .. } = &*session;
    let (classifier, parameters) =
        inference::build(&own.architecture, data.classes.len(), config.train.seed, &job.device)?;
    session.load(&own, &parameters)?;
    if strategy == Strategy::Probe {
        return session.probe(Body { classifier, parameters });
    }
    session.say("cnn, going on", &parameters, "");
    session.fit(&*classifier, &parameters, data, &config.train)
}

/// Seeded weights.
fn from_nothing(session: &Session<'_>) -> Result<Outcome> {
    let Session { config, data, job, .. } = session;
    let architecture = config.cnn.architecture();
    let (classifier, parameters) = inference::build(&architecture, data.classes.len(), config.train.seed, &job.device)?;
    session.say("cnn", &parameters, "");
    session.fit(&*classifier, &parameters, data, &config.train)
}
