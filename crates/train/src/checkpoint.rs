//! The complete state of a run between two epochs, `last.safetensors`.
//!
//! One safetensors file whose metadata has one key, `training`, with [`CheckpointHeader`] as JSON. Tensors, all F32:
//! `weight/NAME` for every parameter and buffer, `moment1/NAME` and `moment2/NAME` for every trained parameter,
//! `average/NAME` for every parameter and buffer if weights are averaged, and `best/NAME` for the weights of the best epoch
//! if that is not the last one.

use crate::schedule::PlateauState;
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use shard::differences;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The `schema` of a [`CheckpointHeader`].
pub const CHECKPOINT_SCHEMA: &str = "training/1";

/// One line of `metrics.jsonl`. Losses are means per clip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Steps taken so far.
    pub step: u64,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// The training loss: in training mode, on augmented clips, with smoothed and mixed targets.
    pub train_loss: f64,
    /// Loss of training clips in evaluation mode, without augmentation; comparable with `val_loss`.
    pub train_loss_eval: f64,
    /// Loss of the validation clips; none without validation.
    pub val_loss: Option<f64>,
    /// Accuracy on the validation clips.
    pub val_accuracy: Option<f64>,
    /// Mean recall over the classes of the validation clips.
    pub val_balanced_accuracy: Option<f64>,
    /// Wall time of the epoch: the only field that differs between a run and its repetition.
    pub seconds: f64,
}

/// The epoch whose weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Epochs since then.
    pub stale: usize,
}

/// The settings of a run; resuming it requires the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Version of the program.
    pub version: String,
    /// The resolved [`TrainConfig`](crate::TrainConfig).
    pub configuration: serde_json::Value,
    /// Configuration of the model.
    pub architecture: serde_json::Value,
    /// Device, instructions and precision, see [`RunHeader`](crate::RunHeader); null in files of earlier versions.
    #[serde(default)]
    pub compute: serde_json::Value,
    /// Configuration of the front end.
    pub front_end: serde_json::Value,
    /// Units of the spectrogram per decibel.
    pub unit_per_db: f32,
    /// [`Data::fingerprint`](crate::Data::fingerprint).
    pub data: String,
}

impl Settings {
    /// The differences from `now` in words, without those of `compute`; none if there are none.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let same = |settings: &Self| Self { compute: serde_json::Value::Null, ..settings.clone() };
        let value = |settings: &Self| serde_json::to_value(same(settings)).unwrap_or_default();
        let found = differences(["then", "now"], &value(self), &value(now));
        let readable = |line: String| match line.strip_prefix("data:") {
            Some(_) => "the clips, their labels or their split".to_owned(),
            None => line.strip_prefix("configuration.").unwrap_or(&line).to_owned(),
        };
        (!found.is_empty()).then(|| found.into_iter().map(readable).collect::<Vec<_>>().join("; "))
    }
}

/// Everything about a run that is not a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointHeader {
    /// [`CHECKPOINT_SCHEMA`].
    pub schema: String,
    /// The settings of the run.
    pub settings: Settings,
    /// Steps taken.
    pub step: u64,
    /// The best epoch so far.
    pub best: Best,
    /// State of the schedule.
    pub plateau: PlateauState,
    /// One entry per finished epoch: the lines of `metrics.jsonl`.
    pub epochs: Vec<EpochMetrics>,
}

/// The complete state of a run between two epochs.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Everything that is not a tensor.
    pub header: CheckpointHeader,
    /// Parameters and buffers by name.
    pub weights: BTreeMap<String, Tensor>,
    /// The average of the parameters, if there is one, and the current buffers.
    pub average: Option<BTreeMap<String, Tensor>>,
    /// Parameters and buffers of the best epoch, if it is not the last one.
    pub best: Option<BTreeMap<String, Tensor>>,
    /// AdamW's first and second moment of each trained parameter.
    pub moments: Vec<(String, Tensor, Tensor)>,
}

impl Checkpoint {
    /// The bytes of the file. Equal states give equal bytes.
    ///
    /// # Errors
    /// A tensor that cannot be copied to the CPU as F32.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut raw = Vec::new();
        let mut add = |prefix: &str, name: &str, tensor: &Tensor| -> Result<()> {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            raw.push((format!("{prefix}/{name}"), tensor.dims().to_vec(), bytes));
            Ok(())
        };
        self.weights.iter().try_for_each(|(name, tensor)| add("weight", name, tensor))?;
        self.average.iter().flatten().try_for_each(|(name, tensor)| add("average", name, tensor))?;
        self.best.iter().flatten().try_for_each(|(name, tensor)| add("best", name, tensor))?;
        for (name, first, second) in &self.moments {
            add("moment1", name, first)?;
            add("moment2", name, second)?;
        }
        let encode =
            |error: safetensors::SafeTensorError| Error::Encode { what: "checkpoint", reason: error.to_string() };
        let view = |(name, dims, bytes)| Ok((name, TensorView::new(Dtype::F32, dims, bytes)?));
        let views = raw.iter().map(|(name, dims, bytes)| view((name.as_str(), dims.clone(), bytes.as_slice())));
        let views = views.collect::<std::result::Result<Vec<_>, _>>().map_err(encode)?;
        let json = serde_json::to_string(&self.header).map_err(Error::json("checkpoint"))?;
        safetensors::serialize(views, Some(HashMap::from([("training".to_owned(), json)]))).map_err(encode)
    }

    /// Parses the bytes of a file; errors name `path`.
    ///
    /// # Errors
    /// Bytes that are not a complete checkpoint of this schema.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let bad = |reason: String| Error::Checkpoint { path: path.to_owned(), reason };
        let broken = |error: safetensors::SafeTensorError| bad(format!("not a whole checkpoint ({error})"));
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let json = metadata.metadata().as_ref().and_then(|metadata| metadata.get("training"));
        let json = json.ok_or_else(|| bad("no checkpoint of a training run (no `training` header)".into()))?;
        let header: CheckpointHeader =
            serde_json::from_str(json).map_err(|error| bad(format!("header of another version ({error})")))?;
        if header.schema != CHECKPOINT_SCHEMA {
            return Err(bad(format!("schema: expected {CHECKPOINT_SCHEMA}, got {}", header.schema)));
        }
        let mut parts: HashMap<&str, BTreeMap<String, Tensor>> = HashMap::new();
        for (name, view) in tensors.iter() {
            let (part, name) = name.split_once('/').ok_or_else(|| bad(format!("tensor {name}: unknown")))?;
            if view.dtype() != Dtype::F32 {
                return Err(bad(format!("tensor {name}: expected F32, got {:?}", view.dtype())));
            }
            let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            let values: Vec<f32> = view.data().chunks_exact(4).map(value).collect();
            if values.iter().any(|value| !value.is_finite()) {
                return Err(bad(format!("tensor {name}: expected finite values, got NaN or infinity")));
            }
            let tensor = Tensor::from_vec(values, view.shape(), &Device::Cpu)?;
            parts.entry(part).or_default().insert(name.to_owned(), tensor);
        }
        let mut second = parts.remove("moment2").unwrap_or_default();
        let mut moments = Vec::new();
        for (name, first) in parts.remove("moment1").unwrap_or_default() {
            let second = second.remove(&name).ok_or_else(|| bad(format!("tensor moment2/{name}: missing")))?;
            moments.push((name, first, second));
        }
        let (average, best) = (parts.remove("average"), parts.remove("best"));
        Ok(Self { header, weights: parts.remove("weight").unwrap_or_default(), average, best, moments })
    }

    /// The weights of the best epoch.
    pub fn best_weights(&self) -> &BTreeMap<String, Tensor> {
        self.best.as_ref().or(self.average.as_ref()).unwrap_or(&self.weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |value: f32| Tensor::new(&[value, 1.0 / 3.0], &Device::Cpu).unwrap();
        let settings = Settings {
            version: "0.1.0".into(),
            configuration: serde_json::json!({"lr": 0.001, "schedule": {"kind": "cosine"}}),
            architecture: serde_json::json!({}),
            compute: serde_json::json!({}),
            front_end: serde_json::json!({}),
            unit_per_db: 1.0,
            data: "ab".into(),
        };
        let metrics = EpochMetrics {
            epoch: 1,
            step: 3,
            lr: 1e-3 / 3.0,
            train_loss: std::f64::consts::LN_2,
            train_loss_eval: 0.1 + 0.2,
            val_loss: Some(1e-17),
            val_accuracy: None,
            val_balanced_accuracy: Some(2.0 / 3.0),
            seconds: 0.123_456_789_012_345_67,
        };
        Checkpoint {
            header: CheckpointHeader {
                schema: CHECKPOINT_SCHEMA.into(),
                settings,
                step: 3,
                best: Best { epoch: 1, stale: 0 },
                plateau: PlateauState { scale: 0.1, best: Some(0.7), bad_epochs: 1 },
                epochs: vec![metrics],
            },
            weights: BTreeMap::from([("a".to_owned(), tensor(1.0)), ("stem/b".to_owned(), tensor(2.0))]),
            average: Some(BTreeMap::from([("a".to_owned(), tensor(2.5))])),
            best: Some(BTreeMap::from([("a".to_owned(), tensor(3.0))])),
            moments: vec![("a".to_owned(), tensor(4.0), tensor(5.0))],
        }
    }

    #[test]
    fn round_trip_to_the_bit() {
        let bytes = checkpoint().to_bytes().unwrap();
        let read = Checkpoint::from_bytes(&bytes, Path::new("last")).unwrap();
        assert_eq!(read.header, checkpoint().header);
        assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let bytes = checkpoint().to_bytes().unwrap();
        for end in 0..bytes.len() {
            let message = Checkpoint::from_bytes(&bytes[..end], Path::new("last")).unwrap_err().to_string();
            assert!(message.starts_with("last: not a whole checkpoint"), "{message}");
        }
    }

    #[test]
    fn differences_are_named() {
        let then = checkpoint().header.settings;
        assert_eq!(then.difference(&then.clone()), None);
        let mut now = then.clone();
        now.configuration["schedule"]["kind"] = "constant".into();
        now.configuration["lr"] = 0.01.into();
        let expected = r#"lr: then 0.001, now 0.01; schedule.kind: then "cosine", now "constant""#;
        assert_eq!(then.difference(&now).unwrap(), expected);
        let now = Settings { data: "cd".into(), ..then.clone() };
        assert_eq!(then.difference(&now).unwrap(), "the clips, their labels or their split");
    }
}
