//! Everything that a card says of a model, from its file and its run's folder.

use super::collection::{Collection, clips};
use super::evaluations::{Evaluations, json};
use super::license::{Base, License};
use crate::error::Result;
use crate::run_record::RunRecord;
use classifier::ModelFile;
use inference::unknown::{ALPHA, Detectors};
use inference::{Chain, Model};
use serde_json::Value;
use std::path::Path;

/// The detector of unknown sounds.
pub(super) struct Detector {
    pub(super) name: String,
    /// The maximum false-rejection rate that is taken where nobody asks for another.
    pub(super) alpha: f64,
    /// How it came to be there, from the header.
    pub(super) record: Value,
    /// Whether it looks at YAMNet, whose weights are in the file beside the network.
    pub(super) has_backbone: bool,
}

/// One network of the model.
pub(super) struct Network {
    /// In words.
    pub(super) what: String,
    /// From a recording to its input.
    pub(super) chain: Chain,
}

/// The ONNX graph in the folder.
pub(super) struct Graph {
    /// Parts of the model that it lacks.
    pub(super) left_out: Vec<String>,
    /// Largest difference of a probability from the model's.
    pub(super) difference: f32,
    /// Windows that it was compared on.
    pub(super) compared: usize,
    /// Whether it has p-values.
    pub(super) has_p_value: bool,
}

/// What a card says.
pub(super) struct Facts {
    /// What the model is called.
    pub(super) name: String,
    /// Its repository, `owner/name`, where it was named.
    pub(super) repository: Option<String>,
    pub(super) license: License,
    /// The collection of recordings, where it was given a name.
    pub(super) collection_name: Option<String>,
    /// The data set of the hub that it is, where it was named.
    pub(super) dataset: Option<String>,
    pub(super) classes: Vec<String>,
    pub(super) version: String,
    pub(super) networks: Vec<Network>,
    pub(super) n_parameters: usize,
    pub(super) detector: Option<Detector>,
    /// Calibrated for one place.
    pub(super) has_place: bool,
    pub(super) bases: Vec<Base>,
    pub(super) evaluations: Evaluations,
    pub(super) collection: Option<Collection>,
    /// Clips and groups that the file says that it was fitted to.
    pub(super) split: Value,
    /// How `fit` came to the model: the candidate's figures.
    pub(super) cross_validation: Option<Value>,
    /// What `doctor` found: its `examination`.
    pub(super) doctor: Option<Value>,
    /// Training recordings that the file compares answers with.
    pub(super) n_known: usize,
    /// Values that were taken out of the header; none where it was left as it is.
    pub(super) n_removed: Option<usize>,
    /// The graph, or why there is none.
    pub(super) graph: std::result::Result<Graph, String>,
}

/// Of a network, in words.
fn kind(architecture: &Value) -> String {
    match architecture["kind"].as_str().unwrap_or_default() {
        "cnn" => "a convolutional network".to_owned(),
        "vit" => format!("a Vision Transformer with {} layers of {}", architecture["layers"], architecture["dim"]),
        "yamnet" => "YAMNet".to_owned(),
        "precomputed" => "a network of others in a file of its own".to_owned(),
        "headed" => {
            let heads = architecture["heads"].as_array().into_iter().flatten();
            let names: Vec<&str> = heads.filter_map(|head| head["head"].as_str()).collect();
            format!("{} under a head ({})", kind(&architecture["body"]), names.join(", "))
        }
        "neighbours" => format!("{} whose nearest training clips vote", kind(&architecture["body"])),
        other => other.to_owned(),
    }
}

/// Whether an architecture holds YAMNet.
fn has_yamnet(architecture: &Value) -> bool {
    architecture["kind"] == "yamnet" || architecture.get("body").is_some_and(has_yamnet)
}

/// Networks of a file.
fn networks(file: &ModelFile, path: &Path) -> Result<Vec<(Value, Network)>> {
    let header = &file.header;
    let members = header.architecture["members"].as_array();
    let each: Vec<(&Value, &Value)> = match members {
        Some(members) => members.iter().map(|member| (&member["architecture"], &member["front_end"])).collect(),
        None => vec![(&header.architecture, &header.front_end)],
    };
    let network = |(architecture, front_end): (&Value, &Value)| {
        let chain = Chain::from_header(front_end, path)?;
        Ok((architecture.clone(), Network { what: kind(architecture), chain }))
    };
    each.into_iter().map(network).collect()
}

/// What was trained from what.
fn bases(record: Option<&RunRecord>, networks: &[(Value, Network)], detector: Option<&Detector>) -> Vec<Base> {
    let mut bases = Vec::new();
    if networks.iter().any(|(architecture, _)| has_yamnet(architecture)) {
        bases.push(Base::yamnet());
    } else if detector.is_some_and(|detector| detector.has_backbone) {
        bases.push(Base { note: "its weights are in the model, for the detector of unknown sounds", ..Base::yamnet() });
    }
    for (_, network) in networks {
        let Some(onnx) = &network.chain.onnx else { continue };
        bases.push(Base {
            name: format!("`{}` (SHA-256 {})", onnx.name(), onnx.sha256),
            repository: None,
            license: onnx.license.clone(),
            note: "its weights are not in this folder and have to be there when the model is used",
        });
    }
    let is_vit = networks.iter().any(|(architecture, _)| architecture.to_string().contains(r#""kind":"vit""#));
    let named = record.and_then(|record| record.pretrained.as_deref().map(|name| (name, record)));
    match named {
        Some((name, record)) if bases.is_empty() => bases.push(Base::of_pretrained(name, record.revision.is_some())),
        None if is_vit => bases.push(Base {
            name: "a checkpoint of a Vision Transformer".to_owned(),
            repository: None,
            license: None,
            note: "its weights were the start; its name is not recorded",
        }),
        _ => {}
    }
    bases
}

/// The collection of a model that nobody gave a name.
const UNNAMED: &str = "the collection that it was trained on";

impl Facts {
    /// The collection of recordings, in words.
    pub(super) fn collection_name(&self) -> &str {
        self.collection_name.as_deref().unwrap_or(UNNAMED)
    }

    /// Of a model in memory: `run` is the folder of its run, where that is known, and `sha256` of its file there.
    ///
    /// # Errors
    /// Files of the run that cannot be read.
    pub(super) fn of(
        run: &Path,
        model: &Model,
        file: &ModelFile,
        sha256: &str,
        named: Named,
        graph: std::result::Result<Graph, String>,
    ) -> Result<Self> {
        let header = &file.header;
        let detectors = Detectors::of(model)?;
        let detector = detectors.as_ref().map(|detectors| -> Result<Detector> {
            let first = detectors.detector("auto")?;
            Ok(Detector {
                name: first.fitted.method.name.clone(),
                alpha: first.alpha(None, ALPHA)?.0,
                record: detectors.record.clone(),
                has_backbone: detectors.backbone.is_some(),
            })
        });
        let detector = detector.transpose()?;
        let record = RunRecord::read(run)?;
        let clips = clips(run, record.as_ref(), &header.classes)?;
        let evaluations = Evaluations::find(run, sha256, clips.as_deref())?;
        let measured = evaluations.main().and_then(|of| of.metrics["split"].as_str()).unwrap_or("test");
        let networks = networks(file, &model.path)?;
        let counted = file.tensors.iter().filter(|(name, _)| !name.contains("running_"));
        Ok(Self {
            name: named.name,
            repository: named.repository,
            license: named.license,
            collection_name: named.collection,
            dataset: named.dataset,
            classes: header.classes.clone(),
            version: header.version.clone(),
            n_parameters: counted.map(|(_, tensor)| tensor.elem_count()).sum(),
            bases: bases(record.as_ref(), &networks, detector.as_ref()),
            networks: networks.into_iter().map(|(_, network)| network).collect(),
            has_place: header.place.is_some(),
            collection: clips.map(|clips| Collection::new(&clips, record.as_ref(), measured, &header.classes)),
            split: header.split.clone(),
            cross_validation: header.training["fit"].get("cross_validation").cloned(),
            doctor: json(&run.join("doctor").join("doctor.json"))?.map(|mut doctor| doctor["examination"].take()),
            n_known: detectors.map_or(0, |detectors| detectors.known.clips.len()),
            n_removed: named.n_removed,
            detector,
            evaluations,
            graph,
        })
    }
}

/// What a caller says of a model.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) repository: Option<String>,
    pub(super) license: License,
    pub(super) collection: Option<String>,
    pub(super) dataset: Option<String>,
    pub(super) n_removed: Option<usize>,
}
