//! `barkbird features`: a manifest's recordings to spectrograms on disk.

mod extract;
mod picture;
pub(crate) mod plan;
mod stage;

pub(crate) use extract::Extractor;
pub(crate) use picture::axes;
pub(crate) use plan::{Plan, Planned};
pub(crate) use stage::Stage;

use crate::cli::{ConfigArgs, FeaturesArgs, Global, Nuisance};
use crate::config::{Config, common_band, equalize_flags, preset_flags};
use crate::front_end::Chain;
use crate::model;
use crate::ui::Ui;
use anyhow::{Result, bail};
use features::Preset;
use shard::Provenance;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn run(args: &FeaturesArgs, global: &Global, ui: &Ui) -> Result<()> {
    let chain = chain(&args.config, args.front_end, &args.equalize, args.like.as_deref())?;
    if let Some(recording) = &args.picture {
        return picture::draw(recording, &args.out, &chain, ui);
    }
    let Some(manifest) = &args.manifest else { bail!("a manifest or --picture is needed") };
    let plan = Plan::read(manifest, &args.classes)?;
    plan.check_groups(manifest, args.allow_crossing_groups, ui)?;
    for warning in &plan.warnings {
        ui.warn(warning);
    }
    let cache = (!args.no_cache || args.part.is_some()).then(|| args.out.join("cache"));
    let extractor = Extractor::new(&chain, cache.as_deref())?;
    let provenance = Provenance {
        stage: "features".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: chain.to_header()?,
        seed: global.seed(),
        inputs: BTreeMap::from([("manifest".to_owned(), plan.manifest_sha256.clone())]),
    };
    let (plan, chain, extractor) = (&plan, &chain, &extractor);
    let stage = Stage { plan, extractor, chain, out: &args.out, dtype: args.dtype, provenance };
    match args.part {
        Some(part) => stage.compute_part(part, ui),
        None => stage.assemble(ui),
    }
}

/// The front end that the arguments ask for.
pub(crate) fn chain(
    config: &ConfigArgs,
    front_end: Option<Preset>,
    equalize: &[Nuisance],
    like: Option<&Path>,
) -> Result<Chain> {
    let Some(like) = like else {
        let mut flags = Vec::new();
        if let Some(preset) = front_end {
            flags.extend(preset_flags(preset)?);
        }
        flags.extend(equalize_flags(equalize));
        flags.extend(config.set.iter().cloned());
        let config = Config::resolve(config.config.as_deref(), &flags)?;
        return Ok(Chain::new(config.clip, config.front_end));
    };
    let mut chain = if like.join("index.json").exists() {
        Chain::from_header(&shard::read_index(like)?.front_end, like)?
    } else {
        let (path, file) = model::read(like)?;
        Chain::from_header(&file.header.front_end, &path)?
    };
    for nuisance in equalize {
        match nuisance {
            Nuisance::Band => chain.clip.equalize = common_band(),
            Nuisance::Level | Nuisance::Length => {
                bail!("--equalize: with --like clips keep the level and the length of {}; only band", like.display())
            }
        }
    }
    Ok(chain)
}
