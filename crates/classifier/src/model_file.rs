//! The model file: one safetensors file, whose metadata has one key, `model`, with [`ModelHeader`] as JSON. Predictions need
//! nothing else. Tensors are F32 and have the names of the model's parameters.

use crate::{Calibration, Error, Normalization, Parameters, Place};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The `schema` of a [`ModelHeader`].
pub const MODEL_SCHEMA: &str = "model/1";

/// Everything about a model that is not a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelHeader {
    /// [`MODEL_SCHEMA`].
    pub schema: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// Configuration of the network: an object with `kind`.
    pub architecture: serde_json::Value,
    /// Configuration of the front end; the same object as in the shards that the model was trained on.
    pub front_end: serde_json::Value,
    /// Mean and deviation of each band on the training split.
    pub normalization: Normalization,
    /// Class names, in the order of the logits.
    pub classes: Vec<String>,
    /// Number of clips and groups of each split, and a hash of the assignment of clips.
    pub split: serde_json::Value,
    /// Seed of the run.
    pub seed: u64,
    /// The resolved configuration of the run.
    pub training: serde_json::Value,
    /// Temperature, if fitted on validation.
    pub calibration: Option<Calibration>,
    /// Detectors of unknown sounds, if fitted; their arrays are tensors of the file whose names begin with `outlier.`.
    pub outlier: Option<serde_json::Value>,
    /// Calibration scores of each class, from which sets of classes with a stated coverage are made, if held-out clips gave
    /// some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<serde_json::Value>,
    /// What the model says of clips that it was not fitted on, from which the threshold of a precision is read, if there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<serde_json::Value>,
    /// The place that it was calibrated for, if for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl ModelHeader {
    /// Adds what the calibration for a place adds to logits, `[N, C]` row by row; nothing without one.
    pub fn shift(&self, logits: &mut [f32]) {
        self.place.iter().for_each(|place| place.shift(logits));
    }
}

/// A model file in memory.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// Everything but the weights.
    pub header: ModelHeader,
    /// Weights by name, F32, on the CPU.
    pub tensors: HashMap<String, Tensor>,
}

impl ModelFile {
    /// The bytes of a file with these weights. Equal inputs give equal bytes.
    ///
    /// # Errors
    /// A tensor that cannot be copied to the CPU as F32.
    pub fn to_bytes<'a>(
        header: &ModelHeader,
        tensors: impl IntoIterator<Item = (&'a String, &'a Tensor)>,
    ) -> Result<Vec<u8>, Error> {
        let file = |reason: String| Error::File { path: "model file".into(), reason };
        let mut raw = Vec::new();
        for (name, tensor) in tensors {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            raw.push((name.clone(), tensor.dims().to_vec(), bytes));
        }
        let views: Result<Vec<_>, _> = raw
            .iter()
            .map(|(name, dims, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, dims.clone(), bytes)?)))
            .collect();
        let views = views.map_err(|e: safetensors::SafeTensorError| file(e.to_string()))?;
        let json = serde_json::to_string(header).map_err(|e| file(e.to_string()))?;
        let metadata = HashMap::from([("model".to_owned(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| file(e.to_string()))
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// Bytes that are not a complete model file, another schema, values that are not finite; the message names `path`.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let file = |reason: String| Error::File { path: path.to_owned(), reason };
        let broken = |e: safetensors::SafeTensorError| {
            file(format!("not a complete model file ({e}); train again, or copy the file again"))
        };
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let json = metadata.metadata().as_ref().and_then(|m| m.get("model"));
        let json =
            json.ok_or_else(|| file("a safetensors file, but not a model of barkbird (no `model` header)".into()))?;
        let schema = serde_json::from_str::<serde_json::Value>(json).ok();
        let schema = schema.as_ref().and_then(|v| v["schema"].as_str()).unwrap_or("none").to_owned();
        if schema != MODEL_SCHEMA {
            return Err(file(format!("schema: expected {MODEL_SCHEMA}, got {schema}")));
        }
        let header: ModelHeader = serde_json::from_str(json).map_err(|e| file(format!("model header: {e}")))?;
        let mut out = HashMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(file(format!("tensor {name}: expected F32, got {:?}", view.dtype())));
            }
            let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            let values: Vec<f32> = view.data().chunks_exact(4).map(value).collect();
            if values.iter().any(|value| !value.is_finite()) {
                return Err(file(format!("tensor {name}: expected finite values, got NaN or infinity")));
            }
            out.insert(name, Tensor::from_vec(values, view.shape(), &Device::Cpu)?);
        }
        Ok(Self { header, tensors: out })
    }

    /// Removes and returns the tensors whose names begin with `prefix`, without the prefix.
    pub fn take(&mut self, prefix: &str) -> HashMap<String, Tensor> {
        let taken = self.tensors.extract_if(|name, _| name.starts_with(prefix));
        taken.map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect()
    }

    /// Loads the weights into a model's parameters.
    ///
    /// # Errors
    /// A weight that is missing, unknown or has another shape.
    pub fn load_into(&self, parameters: &Parameters, path: &Path) -> Result<(), Error> {
        parameters.restore(&self.tensors, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Init;

    fn header() -> ModelHeader {
        ModelHeader {
            schema: MODEL_SCHEMA.into(),
            version: "0".into(),
            architecture: serde_json::json!({"kind": "linear"}),
            front_end: serde_json::json!({}),
            normalization: Normalization { mean: vec![0.5], std: vec![2.0] },
            classes: vec!["bird".into(), "dog".into()],
            split: serde_json::json!({}),
            seed: 3,
            training: serde_json::json!({}),
            calibration: Some(Calibration { temperature: 1.25, n: 9 }),
            outlier: None,
            coverage: None,
            held_out: None,
            place: None,
        }
    }

    fn bytes() -> Vec<u8> {
        let mut parameters = Parameters::seeded(1, &Device::Cpu);
        parameters.trainable("w", &[2, 3], Init::Normal { std: 1.0 }).unwrap();
        parameters.buffer("mean", &[2], 0.0).unwrap();
        ModelFile::to_bytes(&header(), &parameters.snapshot().unwrap()).unwrap()
    }

    #[test]
    fn round_trip_with_equal_bytes() {
        assert_eq!(bytes(), bytes());
        let read = ModelFile::from_bytes(&bytes(), Path::new("m")).unwrap();
        assert_eq!(read.header, header());
        let tensors: std::collections::BTreeMap<_, _> = read.tensors.into_iter().collect();
        assert_eq!(ModelFile::to_bytes(&read.header, &tensors).unwrap(), bytes());
    }

    #[test]
    fn a_header_without_coverage_has_no_such_key_and_one_with_it_reads_back() {
        let without = serde_json::to_value(header()).unwrap();
        assert!(without.get("coverage").is_none());
        let with = ModelHeader { coverage: Some(serde_json::json!({"schema": "coverage/1"})), ..header() };
        let text = serde_json::to_string(&with).unwrap();
        assert_eq!(serde_json::from_str::<ModelHeader>(&text).unwrap(), with);
        assert_eq!(serde_json::from_value::<ModelHeader>(without).unwrap(), header());
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = bytes();
        for end in 0..whole.len() {
            let message = ModelFile::from_bytes(&whole[..end], Path::new("m")).unwrap_err().to_string();
            assert!(message.starts_with("m: "), "{message}");
        }
    }

    #[test]
    fn another_schema_and_nan_are_refused() {
        let text = String::from_utf8_lossy(&bytes()).replace("model/1", "model/9").into_bytes();
        assert!(ModelFile::from_bytes(&text, Path::new("m")).is_err());
        let mut nan = bytes();
        let at = nan.len() - 4;
        nan[at..].copy_from_slice(&f32::NAN.to_le_bytes());
        let message = ModelFile::from_bytes(&nan, Path::new("m")).unwrap_err().to_string();
        assert_eq!(message, "m: tensor w: expected finite values, got NaN or infinity");
    }
}
