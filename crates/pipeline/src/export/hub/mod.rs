//! `barkbird export hub`: a folder as the Hugging Face hub has models, without what names places of this machine.
//!
//! | file | what |
//! | --- | --- |
//! | `evaluations.rs`, `collection.rs` | what is known of the model: figures, and clips of each class |
//! | `license.rs` | licenses by their names on the hub |
//! | `facts.rs` | all of it, beside what the model's file says |
//! | `card.rs`, `measured.rs`, `limits.rs` | the card, section by section |
//! | `index.rs`, `front_matter.rs` | the figures as metadata, and metadata as YAML |
//! | `words.rs` | pieces of Markdown |

mod card;
mod collection;
mod evaluations;
mod facts;
mod front_matter;
mod index;
mod license;
mod limits;
mod measured;
mod words;

use super::onnx;
use crate::error::{Context, Error, Result, bail};
use crate::inputs;
use crate::job::Job;
use crate::origin::is_repository_name;
use crate::output;
use classifier::{ModelFile, ModelHeader};
use facts::{Facts, Graph, Named};
use inference::{MODEL_FILE, Model, without_paths};
use license::{License, OTHER};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The card.
const CARD: &str = "README.md";
/// What the model is, for programs.
const CONFIG: &str = "config.json";
/// Which files the hub keeps outside of git.
const ATTRIBUTES: &str = ".gitattributes";
/// The folder of the graph, where others look for it.
const ONNX: &str = "onnx";

/// What [`ATTRIBUTES`] holds.
const LARGE_FILES: &str =
    "*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.onnx filter=lfs diff=lfs merge=lfs -text\n";

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, a model file, or a repository of the hub.
    pub run: PathBuf,
    /// Folder to write to.
    pub out: PathBuf,
    /// What the model is called, or its repository (`owner/name`), which the examples of the card name then; none for the name of the
    /// folder.
    pub name: Option<String>,
    /// SPDX identifier of its license; none for an unknown one.
    pub license: Option<String>,
    /// The collection of recordings, in words.
    pub data_name: Option<String>,
    /// The data set of the hub that the collection is, `owner/name`.
    pub dataset: Option<String>,
    /// Keep the paths of training recordings in the model file.
    pub private: bool,
    /// Recordings, folders of recordings or manifests that the graph is compared with the model on, beside made sounds.
    pub compare_on: Vec<PathBuf>,
    /// Replace a model that the folder holds.
    pub overwrite: bool,
}

impl Options {
    /// Without paths, a name, or a license.
    pub fn new(run: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            out: out.into(),
            name: None,
            license: None,
            data_name: None,
            dataset: None,
            private: false,
            compare_on: Vec::new(),
            overwrite: false,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The folder.
    pub out: PathBuf,
    /// SHA-256 of its model file.
    pub model_sha256: String,
    /// `license` of the card.
    pub license: String,
    /// Values of the header that named a place and were replaced; none where they were kept.
    pub paths_removed: Option<usize>,
    /// Evaluations whose figures are in the card.
    pub evaluations: Vec<String>,
    /// The graph; none where the model has no form in one.
    pub graph: Option<onnx::Outcome>,
    /// Why there is no graph.
    pub no_graph: Option<String>,
}

/// Writes the folder.
///
/// # Errors
/// A model that cannot be read, a folder that holds one, a license or a data set whose name is none, a graph that differs from the model,
/// and a folder that cannot be written.
#[tracing::instrument(level = "info", name = "export hub", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let license = License::of(options.license.as_deref())?;
    check_names(options)?;
    let _lock = output::folder(&options.out)?;
    let path = |name: &str| options.out.join(name);
    if storage::exists(path(MODEL_FILE)) && !options.overwrite {
        bail!("{}: holds a model; --overwrite replaces it, another --out keeps it", options.out.display());
    }
    let located = inputs::locate(&options.run, job)?;
    let (from, mut file) = inference::read_model(&located)?;
    output::apart(&folder_of(&from), &options.out)?;
    let bytes = storage::read(&from).with_context(|| format!("{}: cannot be read", from.display()))?;
    let measured_sha256 = shard::sha256_hex(&bytes);
    let places = places(&file.header);
    let n_removed = (!options.private).then(|| without_paths(&mut file.header));
    let bytes = match n_removed {
        None | Some(0) => bytes,
        Some(_) => {
            refuse_places(&serde_json::to_string(&file.header)?, &places, MODEL_FILE)?;
            let tensors: BTreeMap<_, _> = file.tensors.iter().collect();
            ModelFile::to_bytes(&file.header, tensors)?
        }
    };
    shard::write_atomic(&path(MODEL_FILE), &bytes)?;
    let model_sha256 = shard::sha256_hex(&bytes);
    drop(bytes);
    let model = Model::open_on(&path(MODEL_FILE), &job.device)?;
    let graph = graph(options, job)?;
    let named = Named {
        name: name(options),
        repository: options.name.clone().filter(|name| name.contains('/')),
        license,
        collection: options.data_name.clone(),
        dataset: options.dataset.clone(),
        n_removed,
    };
    let of_graph = graph.as_ref().map_err(Clone::clone).map(|outcome| Graph {
        left_out: outcome.about.left_out.clone(),
        difference: outcome.differences.probabilities,
        compared: outcome.compared,
        has_p_value: outcome.differences.p_value.is_some(),
    });
    let facts = Facts::of(&folder_of(&from), &model, &file, &measured_sha256, named, of_graph)?;
    let card = card::card(&facts);
    let config = serde_json::to_vec_pretty(&card::config(&facts, &file.header, &model_sha256))?;
    if !options.private {
        refuse_places(&card, &places, CARD)?;
        refuse_places(&String::from_utf8_lossy(&config), &places, CONFIG)?;
    }
    warn(&facts, job);
    shard::write_atomic(&path(ATTRIBUTES), LARGE_FILES.as_bytes())?;
    shard::write_atomic(&path(CONFIG), &config)?;
    shard::write_atomic(&path(CARD), card.as_bytes())?;
    Ok(Outcome {
        out: options.out.clone(),
        model_sha256,
        license: facts.license.of_hub.clone(),
        paths_removed: n_removed,
        evaluations: facts.evaluations.all.iter().map(|of| of.name.clone()).collect(),
        no_graph: graph.as_ref().err().cloned(),
        graph: graph.ok(),
    })
}

/// The folder of a model file.
fn folder_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// What the model is called.
fn name(options: &Options) -> String {
    let named = options.name.as_deref().map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
    let of_folder = || options.out.file_name().map(|name| name.to_string_lossy().into_owned());
    named.or_else(of_folder).unwrap_or_else(|| "model".to_owned())
}

/// Refuses names that the hub would not take.
fn check_names(options: &Options) -> Result<()> {
    let name = options.name.as_deref().filter(|name| name.contains('/'));
    for (flag, name) in [("--name", name), ("--dataset", options.dataset.as_deref())] {
        if let Some(name) = name.filter(|name| !is_repository_name(name)) {
            bail!("{flag} {name:?}: expected owner/name, as the hub has repositories");
        }
    }
    Ok(())
}

/// The graph in its folder, or why the model has no form in one.
fn graph(options: &Options, job: &Job<'_>) -> Result<std::result::Result<onnx::Outcome, String>> {
    let folder = options.out.join(ONNX);
    let of_graph = onnx::Options {
        compare_on: options.compare_on.clone(),
        overwrite: true,
        ..onnx::Options::new(options.out.join(MODEL_FILE), &folder)
    };
    match onnx::run(&of_graph, job) {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(Error::Export(export_onnx::Error::Unsupported(why))) => {
            // That of a model that was here before.
            if storage::exists(&folder) {
                storage::remove_dir_all(&folder).with_context(|| format!("{}: cannot be removed", folder.display()))?;
            }
            job.warn(format!("without an ONNX graph: {why}"));
            Ok(Err(why))
        }
        Err(error) => Err(error),
    }
}

/// What a reader should act on.
fn warn(facts: &Facts, job: &Job<'_>) {
    if facts.license.named.is_none() {
        job.warn("no license: the card says `unknown`, and few may use the model then; name one with --license, such as CC-BY-4.0");
    }
    if facts.license.of_hub == OTHER {
        job.warn("the hub has no name for this license: add its text as the file LICENSE to the folder");
    }
    if !facts.evaluations.of_others.is_empty() {
        job.warn(format!(
            "not in the card: {}, measured before the model file was changed; measure it again with `barkbird evaluate`",
            facts.evaluations.of_others.join(", ")
        ));
    }
    if facts.evaluations.main().is_none() {
        job.warn("no figures: the run's folder has no evaluation of this model; `barkbird evaluate RUN MANIFEST --split test --stress --out RUN/test` makes one");
    }
}

/// Places that a header names: paths of training recordings, and their folders.
fn places(header: &ModelHeader) -> BTreeSet<String> {
    let known = header.outlier.as_ref().and_then(|outlier| outlier["known"].as_array());
    let paths = known.into_iter().flatten().filter_map(|clip| clip["path"].as_str());
    let place = |path: &str| match path.rsplit_once(['/', '\\']) {
        // A folder of a single name may be that of a class.
        Some((folder, _)) if folder.contains(['/', '\\']) => Some(folder.to_owned()),
        Some(_) => Some(path.to_owned()),
        None => None,
    };
    paths.filter_map(place).collect()
}

/// A second look at what is about to be written, should a later version put paths where [`without_paths`] does not look.
fn refuse_places(text: &str, places: &BTreeSet<String>, file: &str) -> Result<()> {
    match places.iter().find(|place| text.contains(place.as_str())) {
        None => Ok(()),
        Some(place) => bail!(
            "{file}: not written: it would name {place}, a place of this machine; please report this (--private writes it nevertheless)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_and_data_sets() {
        let with = |name: &str, dataset: Option<&str>| Options {
            name: Some(name.into()),
            dataset: dataset.map(str::to_owned),
            ..Options::new("run", "out/bark")
        };
        assert_eq!(name(&Options::new("run", "out/bark")), "bark");
        assert_eq!(
            (name(&with("acme/dogs", None)), name(&with("Dogs of ours", None))),
            ("dogs".into(), "Dogs of ours".into())
        );
        check_names(&with("acme/dogs", Some("acme/sounds"))).unwrap();
        for (name, dataset) in [("acme/", None), ("a b/c", None), ("a", Some("sounds")), ("a", Some("../x"))] {
            assert!(check_names(&with(name, dataset)).is_err(), "{name} {dataset:?}");
        }
    }

    #[test]
    fn a_place_is_refused_wherever_it_is() {
        let places = BTreeSet::from(["../home/ann".to_owned(), "bird/a.wav".to_owned()]);
        assert!(refuse_places("a bird of ann", &places, CARD).is_ok());
        assert!(refuse_places("see ../home/ann/x.wav", &places, CARD).unwrap_err().to_string().contains("../home/ann"));
    }
}
