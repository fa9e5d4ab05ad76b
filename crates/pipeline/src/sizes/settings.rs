//! What all trainings of a folder share, so that one that goes on is of the same settings.

use super::options::{ModelSpec, Options};
use crate::compute::device_name;
use crate::error::{Context, Result, bail};
use crate::inputs;
use crate::job::Job;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file in the folder.
const FILE: &str = "settings.json";

/// `settings.json`. Sizes, seeds and models may be added; the rest has to stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `sizes-settings/1`.
    pub schema: String,
    /// Version of barkbird.
    pub version: String,
    /// SHA-256 of the manifests, in order.
    pub manifests_sha256: Vec<String>,
    /// Splits that are measured.
    pub sets: Vec<String>,
    /// SHA-256 of the configuration file; empty without one.
    pub config_sha256: String,
    /// Keys that were set over it.
    pub set: Vec<(String, String)>,
    /// Whether an epoch has about as many steps at every size.
    #[serde(default)]
    pub equal_steps: bool,
    /// Where tensors are computed.
    pub device: String,
    /// The models, by name.
    pub models: BTreeMap<String, ModelSpec>,
}

impl Settings {
    fn of(options: &Options, job: &Job<'_>) -> Result<Self> {
        let sha256 = |path: &std::path::PathBuf| Ok(shard::sha256_hex(&inputs::manifest(path)?.to_csv()));
        let config = match &options.config.file {
            Some(path) => {
                let bytes = storage::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
                shard::sha256_hex(&bytes)
            }
            None => String::new(),
        };
        Ok(Self {
            schema: "sizes-settings/1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            manifests_sha256: options.manifests.iter().map(sha256).collect::<Result<_>>()?,
            sets: options.sets(),
            config_sha256: config,
            set: options.config.set.clone(),
            equal_steps: options.equal_steps,
            device: device_name(&job.device).to_owned(),
            models: options.models.iter().map(|model| (model.name(), model.clone())).collect(),
        })
    }

    /// What differs from `there`, where anything does.
    fn difference(&self, there: &Self) -> Option<String> {
        let say = |what: &str, there: &dyn std::fmt::Debug, here: &dyn std::fmt::Debug| {
            Some(format!("{what}: it has {there:?}, and {here:?} is asked for"))
        };
        if self.version != there.version {
            return say("version of barkbird", &there.version, &self.version);
        }
        if self.manifests_sha256 != there.manifests_sha256 {
            return say("manifests (SHA-256)", &there.manifests_sha256, &self.manifests_sha256);
        }
        if self.sets != there.sets {
            return say("--split", &there.sets, &self.sets);
        }
        if self.config_sha256 != there.config_sha256 {
            return say("--config (SHA-256)", &there.config_sha256, &self.config_sha256);
        }
        if self.set != there.set {
            return say("--set", &there.set, &self.set);
        }
        if self.equal_steps != there.equal_steps {
            return say("--equal-steps", &there.equal_steps, &self.equal_steps);
        }
        if self.device != there.device {
            return say("device", &there.device, &self.device);
        }
        let other = self.models.iter().find_map(|(name, model)| {
            let there = there.models.get(name).filter(|there| *there != model)?;
            Some((name, there, model))
        });
        let (name, there, model) = other?;
        say(&format!("weights of {name}"), &there.pretrained, &model.pretrained)
    }
}

/// Compares the settings with those that the folder has, and writes them.
pub(super) fn settle(options: &Options, job: &Job<'_>) -> Result<Settings> {
    let path = options.out.join(FILE);
    let mut settings = Settings::of(options, job)?;
    if let Ok(bytes) = storage::read(&path) {
        let there: Settings =
            serde_json::from_slice(&bytes).with_context(|| format!("{}: not settings of sizes", path.display()))?;
        if let Some(difference) = settings.difference(&there) {
            bail!(
                "{}: holds trainings of other settings; {difference}; name another folder with --out, or take these settings",
                options.out.display()
            );
        }
        for (name, model) in there.models {
            settings.models.entry(name).or_insert(model);
        }
    }
    shard::write_atomic(&path, &serde_json::to_vec_pretty(&settings)?)?;
    Ok(settings)
}
