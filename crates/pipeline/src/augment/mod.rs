//! Varied views of clips beside the clips themselves, as a features folder to train on.

mod options;
mod preview;
mod spectrograms;

pub use options::{Options, Outcome};
pub use preview::{Preview, PreviewFile};

use crate::config::{AugmentConfig, Config, preset_flags, section_flag};
use crate::error::{Context, Result};
use crate::extraction::extract::Extractor;
use crate::extraction::plan::Plan;
use crate::extraction::stage::Stage;
use crate::extraction::views::Views;
use crate::features::chain;
use crate::inputs::{Expected, expect};
use crate::job::Job;
use crate::output;
use options::{backgrounds, numbers_of};
use shard::Provenance;
use std::collections::BTreeMap;
use std::path::Path;

/// Makes views of a manifest's recordings, or of a features folder's spectrograms.
///
/// # Errors
/// An input that cannot be read, a split that is not there, settings outside their range, or a folder that cannot be
/// written.
#[tracing::instrument(level = "info", name = "augment", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let _lock = match options.part {
        Some(_) => output::shared_folder(&options.out).map(|()| None)?,
        None => Some(output::folder(&options.out)?),
    };
    let config = resolve(options)?;
    if storage::exists(options.input.join("index.json")) {
        return spectrograms::run(&options.input, options, &config, job);
    }
    of_recordings(&options.input, options, &config, job)
}

/// Writes one recording after each step, and a picture of all of them.
///
/// # Errors
/// A recording that cannot be read or holds no sound, or a folder that cannot be written.
pub fn preview(options: &Options, job: &Job<'_>) -> Result<Preview> {
    let _lock = output::folder(&options.out)?;
    expect(&options.input, Expected::Recording)?;
    let config = resolve(options)?;
    preview::write(&options.input, options, &config, &chain(&options.front_end, job)?, job)
}

/// The section `augment` of the configuration.
fn resolve(options: &Options) -> Result<AugmentConfig> {
    let mut flags = Vec::new();
    if let Some(preset) = options.front_end.front_end {
        flags.extend(preset_flags(preset)?);
    }
    if let Some(strength) = options.strength {
        flags.push(section_flag("augment", &AugmentConfig::preset(strength))?);
    }
    flags.extend_from_slice(&options.front_end.config.set);
    let config = Config::resolve(options.front_end.config.file.as_deref(), &flags)?.augment;
    config.waveform.validate().context("augment.waveform")?;
    config.spectrogram.validate().context("augment.spectrogram")?;
    config.mix.validate().context("augment")?;
    Ok(config)
}

/// Views of a manifest's recordings.
fn of_recordings(manifest: &Path, options: &Options, config: &AugmentConfig, job: &Job<'_>) -> Result<Outcome> {
    let chain = chain(&options.front_end, job)?;
    let plan = Plan::read(manifest, &options.classes)?;
    for warning in &plan.warnings {
        job.warn(warning);
    }
    let backgrounds = backgrounds(options, &chain, job)?;
    let mut inputs = BTreeMap::from([("manifest".to_owned(), plan.manifest_sha256.clone())]);
    inputs.extend(
        backgrounds.sha256.iter().enumerate().map(|(i, sha256)| (format!("background {i:05}"), sha256.clone())),
    );
    let provenance = Provenance {
        stage: "augment".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({
            "front_end": chain.to_header()?, "waveform": config.waveform, "mix": config.mix, "views": options.views, "splits": options.splits,
        }),
        seed: job.seed(),
        inputs,
    };
    let splits = numbers_of(&options.splits, &plan.splits).with_context(|| manifest.display().to_string())?;
    let n_views = u32::try_from(options.views)?;
    let views = Views::new(n_views, splits, config.waveform.clone(), config.mix, backgrounds, job.seed())?;
    let cache = (options.cache || options.part.is_some()).then(|| options.out.join("cache"));
    let extractor = Extractor::new(&chain, cache.as_deref())?.with_views(views);
    let (plan, chain, extractor) = (&plan, &chain, &extractor);
    let stage = Stage { plan, extractor, chain, out: &options.out, dtype: options.dtype, provenance };
    Ok(match options.part {
        Some(part) => Outcome::Part(stage.compute_part(part, job)?),
        None => Outcome::Assembled(Box::new(stage.assemble(job)?)),
    })
}
