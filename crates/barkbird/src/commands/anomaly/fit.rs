//! `barkbird anomaly fit`: puts detectors of unknown sounds, calibrated, into a model's file.

use super::results::BenchFile;
use super::sets::{Clips, fit_all};
use crate::cli::{FitArgs, Global};
use crate::device;
use crate::model::{self, Loaded, MODEL_FILE};
use crate::outlier::backbone::Backbone;
use crate::outlier::choice::{Choice, choose};
use crate::outlier::fitted::Fitted;
use crate::outlier::methods::{self, Way};
use crate::outlier::stored::{Calibrated, KnownClips, Outlier, PREFIX, Parts};
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use classifier::ModelFile;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to take where there is nothing to choose on: the best on recordings of other animals and of no animals, in
/// docs/outliers.md.
const DEFAULT: [&str; 2] = ["semantic", "relative_mahalanobis_normalized"];

/// Which ways, and why.
struct Asked {
    ways: Vec<Way>,
    why: String,
}

pub(super) fn run(args: &FitArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.rows.run, &device)?;
    let backbone = args.rows.backbone.as_deref().map(|place| Backbone::open(place, &device)).transpose()?;
    let clips = Clips::read(&args.rows, &loaded, backbone.as_ref(), &device, ui)?;
    let ways = methods::all(clips.all.layers.len(), backbone.is_some());
    let asked = asked(args, &loaded, &ways, backbone.is_some())?;
    let (fitted, why) = match asked {
        Some(Asked { ways, why }) => {
            let fitted = ways.iter().map(|way| Fitted::fit(way, &clips.fit_from())).collect::<Result<Vec<_>>>()?;
            (fitted, why)
        }
        None => best(&clips, ways, backbone.is_some(), global.seed(), ui)?,
    };
    let detectors = fitted.into_iter().map(|fitted| Calibrated::new(fitted, &clips.validation));
    let detectors: Vec<Calibrated> = detectors.collect::<Result<_>>()?;
    let backbone = backbone.filter(|_| detectors.iter().any(|one| one.fitted.needs_backbone()));
    let backbone_front_end = backbone.as_ref().map(|_| Backbone::chain(&loaded.chain()?).to_header()).transpose()?;
    let names: Vec<String> = detectors.iter().map(|one| one.fitted.way.name.clone()).collect();
    let (n_groups, smallest) = (detectors[0].conformal.n_groups(), detectors[0].conformal.smallest_alpha());
    let record = json!({
        "detectors": names, "why": why, "fitted_on": args.rows.train_split, "calibrated_on": args.rows.val_split,
        "training_clips": clips.training.len(), "calibration_clips": clips.validation.len(),
        "calibration_groups": n_groups, "smallest_alpha": smallest,
    });
    // What an answer is compared with is what the detector looked at.
    let mut training = clips.training;
    if backbone.is_none() {
        training.heard = None;
    }
    let known = KnownClips::of(&training, &loaded.header.classes);
    let outlier = Outlier { detectors, backbone, backbone_front_end, known, record: record.clone() };
    let out = put(&args.rows.run, args.out.as_deref(), outlier.to_parts()?)?;
    ui.say(format!("{}: {why}", names.join(", ")));
    ui.say(format!(
        "calibrated on {} clips of {n_groups} groups: `predict --alpha` can be {smallest:.3} or more",
        clips.validation.len()
    ));
    ui.say(format!("written: {}", out.display()));
    ui.result(&record)
}

/// The ways that the arguments name; none where the choice is open.
fn asked(args: &FitArgs, loaded: &Loaded, all: &[Way], has_backbone: bool) -> Result<Option<Asked>> {
    let named = |name: &str| -> Result<Way> {
        let found = all.iter().find(|way| way.name == anomaly::canonical_name(name));
        found.cloned().with_context(|| {
            let names: Vec<&str> = all.iter().map(|way| way.name.as_str()).collect();
            format!(
                "{name}: no such way{}; there are: {}",
                if has_backbone { "" } else { " without a --backbone" },
                names.join(", ")
            )
        })
    };
    if let Some(path) = &args.bench {
        let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let bench: BenchFile = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not what `barkbird anomaly bench` writes", path.display()))?;
        if bench.model_sha256 != loaded.sha256 {
            bail!(
                "{}: measured with another model than {}; run `barkbird anomaly bench` again",
                path.display(),
                loaded.path.display()
            );
        }
        let chosen = bench.chosen.with_context(|| {
            format!("{}: recommends nothing, for it had no unknown sounds to choose on", path.display())
        })?;
        let why = chosen.why();
        return Ok(Some(Asked { ways: vec![named(&chosen.method)?], why }));
    }
    if args.method.is_empty() || args.method == ["auto"] {
        return Ok(None);
    }
    let ways = args.method.iter().map(|name| named(name)).collect::<Result<_>>()?;
    Ok(Some(Asked { ways, why: "asked for".into() }))
}

/// The best way on the unknown sounds of the choice, or the default where there are none.
fn best(clips: &Clips, ways: Vec<Way>, has_backbone: bool, seed: u64, ui: &Ui) -> Result<(Vec<Fitted>, String)> {
    let Some((name, unknowns)) = &clips.choice else {
        let way =
            ways.iter().find(|way| DEFAULT.contains(&way.name.as_str()) && (way.name == DEFAULT[0]) == has_backbone);
        let way = way.context("no default")?;
        let why = "no unknown sounds to choose on (--choose-on); this has done best on others".to_owned();
        return Ok((vec![Fitted::fit(way, &clips.fit_from())?], why));
    };
    let mut fitted = fit_all(ways.into_iter().filter(|way| !way.needs_unknowns()).collect(), clips, ui)?;
    let choice = choose(&fitted, &clips.validation, unknowns, seed)?;
    let Choice { nth, auroc, .. } = choice.context("no way could be fitted; the reasons are above")?;
    Ok((vec![fitted.swap_remove(nth)], format!("chosen on {name} beside validation (AUROC {auroc:.3})")))
}

/// Writes the model with detectors in place of any that it had. Returns where.
pub(super) fn put(run: &Path, out: Option<&Path>, (header, tensors): Parts) -> Result<PathBuf> {
    let (from, mut file) = model::read(run)?;
    drop(file.take(PREFIX));
    file.header.outlier = Some(header);
    let mut all: BTreeMap<_, _> = file.tensors.into_iter().collect();
    all.extend(tensors);
    let to = match out {
        None => from,
        Some(out) => {
            std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
            out.join(MODEL_FILE)
        }
    };
    shard::write_atomic(&to, &ModelFile::to_bytes(&file.header, &all)?)?;
    Ok(to)
}
