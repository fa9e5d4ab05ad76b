//! A whole model as one graph.

use crate::answer;
use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::network;
use crate::outputs::Outputs;
use crate::proto::{Model as Proto, Opset, Property};
use crate::unknown::{self, Seen};
use crate::weights::Weights;
use crate::{resample, wave};
use audio_io::ClipConfig;
use classifier::{ModelFile, Normalization};
use inference::unknown::Detectors;
use inference::{Chain, MemberHeader, Model};
use prost::Message;
use serde::Serialize;
use serde_json::Value as Json;
use std::path::Path;

/// The version of the operations.
const OPSET: i64 = 17;

/// The version of the format that goes with it.
const IR_VERSION: i64 = 8;

/// Where the graph begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With samples.
    #[default]
    Waveform,
    /// With the spectrogram of the model's front end.
    Spectrogram,
}

/// What somebody has to know who uses the graph. The same is in its metadata, under `barkbird`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct About {
    /// The program and its version.
    pub program: String,
    /// SHA-256 of the model's file.
    pub model_sha256: String,
    /// Names of the classes, in the order of the probabilities.
    pub classes: Vec<String>,
    /// Where the graph begins.
    pub begin: Begin,
    /// Samples a second of its input: resampling stays outside.
    pub sample_rate_hz: u32,
    /// Length of a window in seconds.
    pub window_s: f64,
    /// Shape of its input `inputs` without the batch.
    pub input_shape: Vec<usize>,
    /// Width of the output `embedding`.
    pub embedding_dim: usize,
    /// The detector behind `unknown_score` and `p_value`; none where there are no such outputs.
    pub detector: Option<String>,
    /// The maximum false-rejection rate: a window whose p-value is at most this is an unknown sound.
    pub alpha: Option<f64>,
    /// Parts of the model that are not in the graph, and why.
    pub left_out: Vec<String>,
    /// From a recording to a window: channels, level, what fills a window that the sound does not.
    pub clip: Json,
    /// The front end, which the graph has inside where it begins with samples.
    pub front_end: Json,
}

/// A graph, in the format of ONNX.
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub about: About,
}

/// One of the networks of a model.
struct Member {
    header: MemberHeader,
    /// What its tensors begin with.
    prefix: String,
    chain: Chain,
}

/// The networks of a file, and whether there is one alone.
fn members(file: &ModelFile, path: &Path) -> Result<(Vec<Member>, bool)> {
    let header = &file.header;
    let is_average = header.architecture["kind"] == "average";
    let headers = match is_average {
        true => serde_json::from_value(header.architecture["members"].clone())
            .map_err(|source| Error::Header { what: "the networks of the model", source })?,
        false => vec![MemberHeader {
            name: header.architecture["kind"].as_str().unwrap_or_default().to_owned(),
            scale: 1.0,
            n_votes: 1,
            architecture: header.architecture.clone(),
            front_end: header.front_end.clone(),
            normalization: header.normalization.clone(),
        }],
    };
    let member = |(nth, header): (usize, MemberHeader)| -> Result<Member> {
        let chain = Chain::from_header(&header.front_end, path)?;
        let prefix = if is_average { format!("member.{nth}.") } else { String::new() };
        Ok(Member { header, prefix, chain })
    };
    let members = headers.into_iter().enumerate().map(member).collect::<Result<Vec<_>>>()?;
    Ok((members, !is_average))
}

/// Samples of a window.
fn n_samples(clip: &ClipConfig) -> usize {
    ((clip.window.seconds * f64::from(clip.sample_rate_hz)).round() as usize).max(1)
}

/// The graph of a model: `file` is what `model` was read from.
///
/// Inputs: `inputs`, samples `[batch, 1, N]` of whole windows, or spectrograms `[batch, M, T]`. Outputs: `probabilities` `[batch, C]`,
/// `embedding` `[batch, D]` and, where the model's first detector has a form in a graph, `unknown_score` and `p_value`, `[batch, 1]`.
///
/// # Errors
/// Networks and front ends that have no form in a graph.
pub fn onnx(model: &Model, file: &ModelFile, begin: Begin) -> Result<Exported> {
    let (members, is_single) = members(file, &model.path)?;
    let (first, others) = members.split_first().ok_or_else(|| Error::Unsupported("a model without networks".into()))?;
    if members.iter().any(|member| member.chain.onnx.is_some()) {
        let text = "this model stands on an ONNX network of others, which is a graph already; it is not exported";
        return Err(Error::Unsupported(text.into()));
    }
    if begin == Begin::Spectrogram && others.iter().any(|member| member.chain != first.chain) {
        let text = "its networks have several front ends; export it from samples";
        return Err(Error::Unsupported(text.into()));
    }
    // Samples come at the highest rate; networks of lower ones resample them.
    let of_input = members.iter().max_by_key(|member| member.chain.clip.sample_rate_hz).unwrap_or(first);
    let clip = &of_input.chain.clip;
    let n_input = n_samples(clip);
    let mut graph = Graph::default();
    let shape = match begin {
        Begin::Waveform => vec![1, n_input],
        Begin::Spectrogram => size(first)?.to_vec(),
    };
    let doc = match begin {
        Begin::Waveform => "samples of whole windows, mono, full scale at 1",
        Begin::Spectrogram => "spectrograms of the model's front end, not normalized",
    };
    let input = graph.input("inputs", &shape, doc);
    let mut all: Vec<(Outputs, f32, usize)> = Vec::new();
    for member in &members {
        let outputs = network_of(&mut graph, &input, member, begin, (clip.sample_rate_hz, n_input), file)?;
        all.push((outputs, member.header.scale, member.header.n_votes));
    }
    let logits = if is_single {
        all[0].0.logits.clone()
    } else {
        let mut votes = Vec::new();
        for (outputs, scale, n_votes) in &all {
            let vote = answer::votes(&mut graph, &outputs.logits, *scale);
            votes.extend(std::iter::repeat_n(vote, *n_votes));
        }
        answer::mean_votes(&mut graph, &votes)
    };
    // The embedding of the first pretrained network, else of the first.
    let shown = all.iter().position(|(outputs, ..)| outputs.log_odds.is_some()).unwrap_or(0);
    let shown = &all[shown].0;
    let classes = &file.header.classes;
    let probabilities = answer::probabilities(&mut graph, &logits, &file.header);
    graph.output("probabilities", &probabilities, &[classes.len()], "of the classes, in the order of the metadata");
    graph.output("embedding", &shown.embedding, &[shown.dim], "what the network makes of a window");
    let mut about = About {
        program: format!("barkbird {}", env!("CARGO_PKG_VERSION")),
        model_sha256: model.sha256.clone(),
        classes: classes.clone(),
        begin,
        sample_rate_hz: clip.sample_rate_hz,
        window_s: clip.window.seconds,
        input_shape: shape,
        embedding_dim: shown.dim,
        detector: None,
        alpha: None,
        left_out: Vec::new(),
        clip: serde_json::to_value(clip).unwrap_or_default(),
        front_end: serde_json::to_value(&of_input.chain.spectrogram).unwrap_or_default(),
    };
    if let Some(detectors) = Detectors::of(model)? {
        let detector = &detectors.detectors[0];
        match unknown::add(&mut graph, detector, &Seen { outputs: shown, logits: &logits }) {
            Ok(unknown) => {
                graph.output("unknown_score", &unknown.score, &[1], "higher is less like the known sounds");
                graph.output("p_value", &unknown.p_value, &[1], "share of known sounds that are at least as unusual");
                about.detector = Some(detector.fitted.method.name.clone());
                about.alpha = Some(detector.alpha(None, inference::unknown::ALPHA)?.0);
            }
            Err(why) => about.left_out.push(format!("the score of unknown sounds: {why}")),
        }
    }
    if clip.trim_db.is_some() {
        about.left_out.push("silent ends of short recordings are not cut off".into());
    }
    Ok(Exported { bytes: file_of(graph, &about), about })
}

/// Bands and frames of a network's input.
fn size(member: &Member) -> Result<[usize; 2]> {
    let front_end = member.chain.build_picture()?;
    Ok([front_end.n_bands(), front_end.n_frames(n_samples(&member.chain.clip))])
}

fn network_of(
    graph: &mut Graph,
    input: &Value,
    member: &Member,
    begin: Begin,
    (input_hz, n_input): (u32, usize),
    file: &ModelFile,
) -> Result<Outputs> {
    let (chain, size) = (&member.chain, size(member)?);
    let mel = match begin {
        Begin::Spectrogram => input.clone(),
        Begin::Waveform => {
            let n = n_samples(&chain.clip);
            let samples = resample::add(graph, input, [input_hz, chain.clip.sample_rate_hz], [n_input, n]);
            let samples = wave::level(graph, &samples, &chain.clip)?;
            wave::spectrogram(graph, &samples, n, &chain.spectrogram, size[1])?
        }
    };
    let normalization: &Normalization = &member.header.normalization;
    let mel = wave::normalized(graph, &mel, normalization);
    let weights = Weights::new(&file.tensors, &member.prefix);
    network::add(graph, &mel, size, &member.header.architecture, weights)
}

fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The file, with what other programs look for in its metadata: `sample_rate`, `sample_duration`, `classes`, `class_outputs_key` and
/// `embedding_outputs_key` are those of OpenSoundscape.
fn file_of(graph: Graph, about: &About) -> Vec<u8> {
    let metadata_props = [
        ("sample_rate", about.sample_rate_hz.to_string()),
        ("sample_duration", about.window_s.to_string()),
        ("classes", json_of(&about.classes)),
        ("class_outputs_key", "probabilities".to_owned()),
        ("embedding_outputs_key", "embedding".to_owned()),
        ("barkbird", json_of(about)),
    ];
    let property = |(key, value): (&str, String)| Property { key: key.into(), value };
    let proto = Proto {
        ir_version: IR_VERSION,
        producer_name: "barkbird".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: format!("a classifier of sounds: {}", about.classes.join(", ")),
        graph: Some(graph.finish("barkbird")),
        opset_import: vec![Opset { domain: String::new(), version: OPSET }],
        metadata_props: metadata_props.into_iter().map(property).collect(),
    };
    proto.encode_to_vec()
}
