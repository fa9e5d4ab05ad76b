//! Spectrograms on disk from a manifest's recordings.

mod picture;

pub use crate::extraction::stage::{Assembled, Part};
pub use features::Preset;
pub(crate) use picture::axes;
pub use picture::{Picture, PictureOptions, draw};

use crate::config::{Config, ConfigSource, Dtype, Nuisance, common_band, equalize_flags, preset_flags};
use crate::error::{Result, bail};
use crate::extraction::extract::Extractor;
use crate::extraction::plan::Plan;
use crate::extraction::stage::Stage;
use crate::inputs::{self, Kind, what_is};
use crate::job::Job;
use crate::output;
use inference::Chain;
use shard::Provenance;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What turns recordings into spectrograms.
#[derive(Debug, Clone, Default)]
pub struct FrontEndOptions {
    /// The configuration.
    pub config: ConfigSource,
    /// A front end by name, over the configuration's.
    pub front_end: Option<Preset>,
    /// What must not separate the classes, and is made the same in every clip.
    pub equalize: Vec<Nuisance>,
    /// The front end of this run or features folder, in place of the configuration's.
    pub like: Option<PathBuf>,
    /// An ONNX model: its embedding and the log-odds of its classes, in place of a spectrogram.
    pub onnx: Option<PathBuf>,
}

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// What `scan` wrote.
    pub manifest: PathBuf,
    /// Folder for the shards.
    pub out: PathBuf,
    /// The front end.
    pub front_end: FrontEndOptions,
    /// Compute share I of N of the recordings alone.
    pub part: Option<(usize, usize)>,
    /// Classes, in order; empty for all labels that are trained on.
    pub classes: Vec<String>,
    /// Go on where clips of one group are in more than one split.
    pub allow_crossing_groups: bool,
    /// How values are stored.
    pub dtype: Dtype,
    /// Keep a cache beside the shards, which a killed run goes on from.
    pub cache: bool,
}

impl Options {
    /// The default front end, all classes, a cache.
    pub fn new(manifest: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            out: out.into(),
            front_end: FrontEndOptions::default(),
            part: None,
            classes: Vec::new(),
            allow_crossing_groups: false,
            dtype: Dtype::F32,
            cache: true,
        }
    }
}

/// What was done.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A share was computed into the cache.
    Part(Part),
    /// All shards were written.
    Assembled(Box<Assembled>),
}

/// Computes the spectrograms of a manifest's recordings.
///
/// # Errors
/// A manifest that cannot be read, groups that cross splits, a folder that cannot be written, or no usable recording.
#[tracing::instrument(level = "info", name = "features", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    // Parts may be computed at the same time: the shards are written once they are all there.
    let _lock = match options.part {
        Some(_) => output::shared_folder(&options.out).map(|()| None)?,
        None => Some(output::folder(&options.out)?),
    };
    let chain = chain(&options.front_end, job)?;
    let plan = Plan::read(&options.manifest, &options.classes)?;
    plan.check_groups(&options.manifest, options.allow_crossing_groups, job)?;
    for warning in &plan.warnings {
        job.warn(warning);
    }
    let cache = (options.cache || options.part.is_some()).then(|| options.out.join("cache"));
    let extractor = Extractor::new(&chain, cache.as_deref())?;
    let provenance = Provenance {
        stage: "features".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: chain.to_header()?,
        seed: job.seed(),
        inputs: BTreeMap::from([("manifest".to_owned(), plan.manifest_sha256.clone())]),
    };
    let (plan, chain, extractor) = (&plan, &chain, &extractor);
    let stage = Stage { plan, extractor, chain, out: &options.out, dtype: options.dtype, provenance };
    Ok(match options.part {
        Some(part) => Outcome::Part(stage.compute_part(part, job)?),
        None => Outcome::Assembled(Box::new(stage.assemble(job)?)),
    })
}

/// The front end that the options ask for.
pub fn chain(options: &FrontEndOptions, job: &Job<'_>) -> Result<Chain> {
    if let Some(model) = &options.onnx {
        let (mut chain, _) = Chain::of_onnx(model)?;
        equalize(&mut chain, &options.equalize, model)?;
        return Ok(chain);
    }
    let Some(like) = &options.like else {
        let mut flags = Vec::new();
        if let Some(preset) = options.front_end {
            flags.extend(preset_flags(preset)?);
        }
        flags.extend(equalize_flags(&options.equalize));
        flags.extend(options.config.set.iter().cloned());
        let config = Config::resolve(options.config.file.as_deref(), &flags)?;
        return Ok(Chain::new(config.clip, config.front_end));
    };
    let mut chain = if what_is(like) == Kind::Features && storage::exists(like.join("index.json")) {
        Chain::from_header(&shard::read_index(like)?.front_end, like)?
    } else {
        let (path, file) = inputs::read_model(like, job)?;
        Chain::from_header(&file.header.front_end, &path)?
    };
    equalize(&mut chain, &options.equalize, like)?;
    Ok(chain)
}

/// Equalizes the clips of a chain that was made elsewhere, as `of` says.
fn equalize(chain: &mut Chain, what: &[Nuisance], of: &Path) -> Result<()> {
    for nuisance in what {
        match nuisance {
            Nuisance::Band => chain.clip.equalize = common_band(),
            Nuisance::Level | Nuisance::Length => {
                bail!("--equalize: clips keep the level and the length of {}; only band", of.display())
            }
        }
    }
    Ok(())
}
