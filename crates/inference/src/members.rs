//! The networks in a model's file.
//!
//! A file of one network has its architecture in the header, and its tensors by their own names. A file that averages has
//! the architecture `{"kind": "average", "members": [...]}`, a [`MemberHeader`] each; the tensors of member N begin with
//! `member.N.`, and front end and normalization of the header are those of the first.

use crate::error::{Context, Result, bail};
use crate::model::Member;
use crate::network::build_in;
use candle_core::{Device, Tensor};
use classifier::{ModelFile, Normalization, Parameters};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The `kind` of an architecture that averages.
const KIND: &str = "average";

/// What a header says of one of several networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberHeader {
    /// Its name, such as `cnn`.
    pub name: String,
    /// What its logits are multiplied with before it votes.
    pub scale: f32,
    /// Votes that it has.
    pub n_votes: usize,
    /// Configuration of the network.
    pub architecture: serde_json::Value,
    /// From a recording to its input.
    pub front_end: serde_json::Value,
    /// Normalization of its input.
    pub normalization: Normalization,
}

/// The architecture and the tensors of a file that averages networks.
pub fn averaged(
    members: Vec<(MemberHeader, BTreeMap<String, Tensor>)>,
) -> (serde_json::Value, BTreeMap<String, Tensor>) {
    let mut all = BTreeMap::new();
    let mut headers = Vec::new();
    for (nth, (header, tensors)) in members.into_iter().enumerate() {
        headers.push(header);
        all.extend(tensors.into_iter().map(|(name, tensor)| (format!("member.{nth}.{name}"), tensor)));
    }
    (serde_json::json!({"kind": KIND, "members": headers}), all)
}

/// The networks of a file, with their weights; their tensors are taken out of it.
pub(crate) fn read(file: &mut ModelFile, path: &Path, device: &Device) -> Result<Vec<Member>> {
    let architecture = || format!("{}: architecture", path.display());
    let (n_classes, seed) = (file.header.classes.len(), file.header.seed);
    let n_values = file.tensors.values().map(Tensor::elem_count).sum();
    let parameters = || Parameters::for_file(seed, device, n_values);
    if file.header.architecture["kind"] != KIND {
        let header = &file.header;
        let (classifier, parameters) =
            build_in(parameters(), &header.architecture, n_classes).with_context(architecture)?;
        file.load_into(&parameters, path)?;
        let name = header.architecture["kind"].as_str().unwrap_or_default().to_owned();
        let (front_end, normalization) = (header.front_end.clone(), header.normalization.clone());
        return Ok(vec![Member { name, classifier, front_end, normalization, scale: 1.0, n_votes: 1 }]);
    }
    let headers: Vec<MemberHeader> =
        serde_json::from_value(file.header.architecture["members"].clone()).with_context(architecture)?;
    if headers.is_empty() || headers.iter().any(|header| header.n_votes == 0 || !header.scale.is_finite()) {
        bail!("{}: architecture: expected networks with a vote or more each", path.display());
    }
    let mut members = Vec::new();
    for (nth, header) in headers.into_iter().enumerate() {
        let (classifier, parameters) =
            build_in(parameters(), &header.architecture, n_classes).with_context(architecture)?;
        let tensors = file.take(&format!("member.{nth}."));
        parameters.restore(&tensors, path)?;
        let MemberHeader { name, scale, n_votes, front_end, normalization, .. } = header;
        members.push(Member { name, classifier, front_end, normalization, scale, n_votes });
    }
    Ok(members)
}
