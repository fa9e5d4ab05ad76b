//! `barkbird augment`: varied views of clips beside the clips themselves, as a features folder to train on.

mod preview;
mod spectrograms;

use super::features::{Extractor, Plan, Stage, chain};
use crate::cli::{AugmentArgs, Global};
use crate::config::{AugmentConfig, Config, preset_flags, section_flag};
use crate::front_end::Chain;
use crate::ui::Ui;
use crate::views::{Backgrounds, Views};
use anyhow::{Context, Result, bail};
use shard::Provenance;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn run(args: &AugmentArgs, global: &Global, ui: &Ui) -> Result<()> {
    let config = resolve(args)?;
    if let Some(recording) = &args.preview {
        let chain = chain(&args.config, args.front_end, &args.equalize, args.like.as_deref())?;
        return preview::write(recording, args, &config, &chain, global.seed(), ui);
    }
    let Some(input) = &args.input else { bail!("a manifest, a features folder or --preview is needed") };
    if input.join("index.json").exists() {
        return spectrograms::run(input, args, &config, global, ui);
    }
    of_recordings(input, args, &config, global, ui)
}

/// The section `augment` of the configuration.
fn resolve(args: &AugmentArgs) -> Result<AugmentConfig> {
    let mut flags = Vec::new();
    if let Some(preset) = args.front_end {
        flags.extend(preset_flags(preset)?);
    }
    if let Some(strength) = args.augment {
        flags.push(section_flag("augment", &AugmentConfig::preset(strength))?);
    }
    flags.extend_from_slice(&args.config.set);
    let config = Config::resolve(args.config.config.as_deref(), &flags)?.augment;
    config.waveform.validate().context("augment.waveform")?;
    config.spectrogram.validate().context("augment.spectrogram")?;
    config.mix.validate().context("augment")?;
    Ok(config)
}

/// Views of a manifest's recordings.
fn of_recordings(manifest: &Path, args: &AugmentArgs, config: &AugmentConfig, global: &Global, ui: &Ui) -> Result<()> {
    let chain = chain(&args.config, args.front_end, &args.equalize, args.like.as_deref())?;
    let plan = Plan::read(manifest, &args.classes)?;
    for warning in &plan.warnings {
        ui.warn(warning);
    }
    let backgrounds = backgrounds(args, &chain, ui)?;
    let mut inputs = BTreeMap::from([("manifest".to_owned(), plan.manifest_sha256.clone())]);
    inputs.extend(
        backgrounds.sha256.iter().enumerate().map(|(i, sha256)| (format!("background {i:05}"), sha256.clone())),
    );
    let provenance = Provenance {
        stage: "augment".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({
            "front_end": chain.to_header()?, "waveform": config.waveform, "mix": config.mix, "views": args.views, "splits": args.splits,
        }),
        seed: global.seed(),
        inputs,
    };
    let splits = numbers_of(&args.splits, &plan.splits).with_context(|| manifest.display().to_string())?;
    let n_views = u32::try_from(args.views)?;
    let views = Views::new(n_views, splits, config.waveform.clone(), config.mix, backgrounds, global.seed())?;
    let cache = (!args.no_cache || args.part.is_some()).then(|| args.out.join("cache"));
    let extractor = Extractor::new(&chain, cache.as_deref())?.with_views(views);
    let (plan, chain, extractor) = (&plan, &chain, &extractor);
    let stage = Stage { plan, extractor, chain, out: &args.out, dtype: args.dtype, provenance };
    match args.part {
        Some(part) => stage.compute_part(part, ui),
        None => stage.assemble(ui),
    }
}

fn backgrounds(args: &AugmentArgs, chain: &Chain, ui: &Ui) -> Result<Backgrounds> {
    let read = |folder| Backgrounds::read(folder, chain.clip.sample_rate_hz, ui);
    args.background.as_deref().map_or_else(|| Ok(Backgrounds::default()), read)
}

/// Where the splits that are asked for are among those there are.
fn numbers_of(asked: &[String], there: &[String]) -> Result<Vec<u8>> {
    let number = |name: &String| -> Result<u8> {
        let position = there.iter().position(|split| split == name.trim());
        let position = position.with_context(|| format!("no split {name}; the splits there are: {}", there.join(", ")));
        Ok(u8::try_from(position?)?)
    };
    asked.iter().map(number).collect()
}
