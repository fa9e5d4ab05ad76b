//! `barkbird doctor`: what is wrong with a set of recordings before anything is trained on it.
//!
//! Every recording is decoded once (`listen.rs`); from what was heard follow pairs with the same sound (`same.rs`),
//! the manifest to go on with (`clean.rs`), and the statistics of the crate `doctor` over the classes (`set.rs`,
//! `examine.rs`). A recording that cannot be read is a finding, never the end of the run.

mod clean;
mod examine;
mod findings;
mod listen;
mod page;
mod same;
mod sessions;
mod set;
mod words;

pub(crate) use findings::Kind;

use super::features::plan::classes_of;
use crate::cancel;
use crate::cli::{DoctorArgs, Global};
use crate::config::{Config, equalize_flags};
use crate::device;
use crate::front_end::Chain;
use crate::inputs;
use crate::model::Loaded;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use doctor::CrossValidation;
use examine::Examination;
use listen::Ears;

pub(crate) fn run(args: &DoctorArgs, global: &Global, ui: &Ui) -> Result<()> {
    let manifest = inputs::manifest(&args.manifest)?;
    if manifest.rows.is_empty() {
        bail!("{}: lists no recording", args.manifest.display());
    }
    let device = device::open(&global.device)?;
    let loaded = args.run.as_deref().map(|run| Loaded::open(run, &device)).transpose()?;
    let chain = match &loaded {
        Some(loaded) => loaded.chain()?,
        None => {
            let mut flags = equalize_flags(&args.equalize);
            flags.extend(args.config.set.iter().cloned());
            let config = Config::resolve(args.config.config.as_deref(), &flags)?;
            Chain::new(config.clip, config.front_end)
        }
    };
    let classes = if args.classes.is_empty() { classes_of(&manifest.rows) } else { args.classes.clone() };
    let ears = Ears { chain: &chain, model: loaded.as_ref().map(|loaded| (loaded, &device)) };
    let outcomes = listen::listen(&manifest, &ears, ui)?;
    if outcomes.iter().all(Result::is_err) {
        let first = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
        let reason = first.map_or_else(String::new, |fault| fault.evidence.clone());
        bail!("none of the {} recordings could be used; the first: {reason}", manifest.rows.len());
    }
    let config = CrossValidation { seed: global.seed(), ..CrossValidation::default() };
    let (mut found, cleaned) = examine::examine(&manifest, &outcomes, &classes, &config, args.suspects, ui)?;
    found.summary = words::summary(&found, &manifest);
    cancel::check("nothing was written")?;

    std::fs::create_dir_all(&args.out).with_context(|| format!("{}: cannot be made", args.out.display()))?;
    let title = format!("barkbird doctor: {}", args.manifest.file_name().unwrap_or_default().to_string_lossy());
    let sources = page::Sources { manifest: &manifest, chain: &chain, n_bytes: 1e6 * args.page_mb };
    let html = page::page(title, &found, &sources, ui)?;
    let json = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "seed": global.seed(), "front_end": chain.to_header()?,
        "content": if loaded.is_some() { "embeddings" } else { "spectrogram statistics" },
        "cross_validation": config, "examination": found,
    });
    let write = |name: &str, bytes: &[u8]| shard::write_atomic(&args.out.join(name), bytes);
    write("doctor.csv", &findings::to_csv(&found.findings)?)?;
    write("manifest.clean.csv", &cleaned.manifest.rebased(&args.out)?.to_csv())?;
    write("doctor.html", html.as_bytes())?;
    write("doctor.json", &serde_json::to_vec_pretty(&json)?)?;
    found.summary.iter().for_each(|sentence| ui.say(format!("- {sentence}")));
    ui.say(format!(
        "{} findings: {} (to read), doctor.csv, doctor.json; manifest.clean.csv has {} of {} rows",
        found.findings.len(),
        args.out.join("doctor.html").display(),
        cleaned.manifest.rows.len(),
        manifest.rows.len()
    ));
    ui.result(&json)?;
    fail_on(&args.fail_on, &found)
}

/// Fails when there is a finding of one of the kinds.
fn fail_on(kinds: &[Kind], found: &Examination) -> Result<()> {
    let counts = kinds.iter().map(|kind| {
        let n = found.findings.iter().filter(|finding| finding.kind == *kind).count();
        (kind.name(), n)
    });
    let failing: Vec<String> = counts.filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} of kind {name}")).collect();
    if !failing.is_empty() {
        bail!("findings that --fail-on names: {}", failing.join(", "));
    }
    Ok(())
}
