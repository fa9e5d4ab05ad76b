//! The stored form of a fitted detector: named f32 arrays and a small JSON of settings.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// An f32 array with its shape, the last axis contiguous.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Its shape; the product is the number of values.
    pub shape: Vec<usize>,
    /// Its values; in JSON, base64 of their little-endian bytes.
    #[serde(with = "base64_values")]
    pub values: Vec<f32>,
}

/// A fitted detector as arrays and settings. The model file keeps `tensors` as tensors and `settings` in its header; with
/// serde it is one JSON.
///
/// A detector computes with exactly these f32 values, so that it gives the same scores, bit for bit, after it was stored
/// and read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Settings: a small JSON object.
    pub settings: Value,
    /// Arrays by name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Stored {
    pub(crate) fn new<S: Serialize>(settings: &S) -> Self {
        // Settings are plain structs of numbers and names, which JSON always holds.
        Self { settings: serde_json::to_value(settings).unwrap_or(Value::Null), tensors: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        self.tensors.insert(name.to_owned(), Tensor { shape: shape.to_vec(), values });
        self
    }

    /// Adds all arrays of another under `prefix.name`.
    pub(crate) fn with_part(mut self, prefix: &str, part: Stored) -> Self {
        self.tensors.extend(part.tensors.into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)));
        self
    }

    /// The arrays under `prefix.`, with these settings.
    pub(crate) fn part<S: Serialize>(&self, prefix: &str, settings: &S) -> Stored {
        let mut part = Stored::new(settings);
        let under = |name: &str| Some(name.strip_prefix(prefix)?.strip_prefix('.')?.to_owned());
        part.tensors.extend(self.tensors.iter().filter_map(|(name, tensor)| Some((under(name)?, tensor.clone()))));
        part
    }

    pub(crate) fn settings<S: DeserializeOwned>(&self) -> Result<S> {
        serde_json::from_value(self.settings.clone()).map_err(|error| Error::Stored {
            part: "settings".into(),
            expected: error.to_string(),
            got: self.settings.to_string(),
        })
    }

    /// The array `name`, which must have as many axes as `shape`, with these sizes where they are given.
    pub(crate) fn tensor(&self, name: &str, shape: &[Option<usize>]) -> Result<&Tensor> {
        let words =
            || format!("{:?}", shape.iter().map(|n| n.map_or("any".into(), |n| n.to_string())).collect::<Vec<_>>());
        let wrong = |expected: String, got: String| Err(Error::Stored { part: name.to_owned(), expected, got });
        let Some(tensor) = self.tensors.get(name) else {
            return wrong(format!("an array of shape {}", words()), "no such array".into());
        };
        let fits = tensor.shape.len() == shape.len()
            && tensor.shape.iter().zip(shape).all(|(n, expected)| expected.is_none_or(|expected| expected == *n));
        let n_values = tensor.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        if !fits || n_values != Some(tensor.values.len()) {
            return wrong(
                format!("shape {}", words()),
                format!("{:?} and {} values", tensor.shape, tensor.values.len()),
            );
        }
        if !tensor.values.iter().all(|value| value.is_finite()) {
            return wrong("finite values".into(), "infinite values or NaN".into());
        }
        Ok(tensor)
    }

    /// The values of [`tensor`](Self::tensor).
    pub(crate) fn values(&self, name: &str, shape: &[Option<usize>]) -> Result<Vec<f32>> {
        Ok(self.tensor(name, shape)?.values.clone())
    }
}

mod base64_values {
    use super::{Engine, STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let (fours, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(D::Error::custom(format!("expected whole f32 values, got {} bytes", bytes.len())));
        }
        Ok(fours.iter().map(|&four| f32::from_le_bytes(four)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trip_and_errors() {
        let stored = Stored::new(&serde_json::json!({"k": 5})).with("mean", &[3], vec![1.0, -2.5, 3.25e-30]);
        let text = serde_json::to_string(&stored).unwrap();
        assert_eq!(serde_json::from_str::<Stored>(&text).unwrap(), stored);
        assert!(stored.tensor("mean", &[None]).is_ok());
        let error = stored.tensor("mean", &[Some(4)]).unwrap_err().to_string();
        assert_eq!(error, r#"stored detector, mean: expected shape ["4"], got [3] and 3 values"#);
        let error = stored.tensor("scale", &[None]).unwrap_err().to_string();
        assert_eq!(error, r#"stored detector, scale: expected an array of shape ["any"], got no such array"#);
        assert!(serde_json::from_str::<Stored>(&text.replace("\"mean\":{", "\"mean\":{\"more\":1,")).is_err());
    }
}
