use crate::{Below, Classifier, Error, Head, HeadKind, Init, Maps, Method, Mode, Normalization, Output, Parameters};
use crate::{Pretrained, Score, mean_votes, votes};
use candle_core::{D, Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a head over a pretrained network is, and what its logits are multiplied with where several vote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// The head.
    pub head: HeadKind,
    /// See [`votes`].
    pub scale: f32,
}

/// A pretrained network with one or more [`Head`]s that were fitted on what the network computes. Several heads vote:
/// the logits are the mean of their [`votes`].
pub struct Headed {
    body: Box<dyn Classifier>,
    tops: Vec<(Top, Tensors)>,
}

/// The tensors of one head.
struct Tensors {
    /// `[C, X]`.
    weight: Tensor,
    /// `[C]`.
    bias: Tensor,
    /// `[D]`; of a prototype only.
    center: Option<Tensor>,
}

impl Headed {
    /// Defines the frozen tensors of [`tensors`](Self::tensors), all zero, after those of `body`.
    ///
    /// # Errors
    /// No head, [`HeadKind::Evidence`] over a network without classes of its own, or a name that is in use.
    pub fn new(
        body: Box<dyn Classifier>,
        tops: &[Top],
        n_classes: usize,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        let (dim, n_own, zero) = (body.embedding_dim(), body.pretrained_classes().len(), Init::Constant(0.0));
        if tops.is_empty() || (n_own == 0 && tops.iter().any(|top| top.head == HeadKind::Evidence)) {
            let (expected, got) = ("a network with classes of its own".to_owned(), body.architecture().to_string());
            return Err(Error::Shape { what: "heads of a pretrained network".into(), expected, got });
        }
        let mut of_top = |(nth, top): (usize, &Top)| -> Result<(Top, Tensors), Error> {
            let width = if top.head == HeadKind::Evidence { n_own } else { dim };
            let mut zeros =
                |name: &str, dims: &[usize]| parameters.weight(&format!("top.{nth}.{name}"), dims, zero, false);
            let (weight, bias) = (zeros("weight", &[n_classes, width])?, zeros("bias", &[n_classes])?);
            let center = match top.head {
                HeadKind::Prototype => Some(zeros("center", &[dim])?),
                HeadKind::Evidence | HeadKind::Linear => None,
            };
            Ok((*top, Tensors { weight, bias, center }))
        };
        let tops = tops.iter().enumerate().map(&mut of_top).collect::<Result<_, Error>>()?;
        Ok(Self { body, tops })
    }

    /// The tensors of heads, by the names that they have in the model.
    ///
    /// # Errors
    /// Memory that a tensor cannot get.
    pub fn tensors(heads: &[Head], device: &Device) -> Result<BTreeMap<String, Tensor>, Error> {
        let mut tensors = BTreeMap::new();
        for (nth, head) in heads.iter().enumerate() {
            let mut insert = |name: &str, values: &[f32], dims: &[usize]| -> Result<(), Error> {
                let tensor = Tensor::from_slice(values, dims, &Device::Cpu)?.to_device(device)?;
                tensors.insert(format!("top.{nth}.{name}"), tensor);
                Ok(())
            };
            insert("weight", &head.weight, &[head.n_classes, head.width()])?;
            insert("bias", &head.bias, &[head.n_classes])?;
            if head.kind == HeadKind::Prototype {
                insert("center", &head.center, &[head.center.len()])?;
            }
        }
        Ok(tensors)
    }

    /// Logits from what the network computes.
    fn logits(&self, of: &Pretrained) -> Result<Tensor, Error> {
        let all = self.tops.iter().map(|(top, tensors)| tensors.logits(top.head, of));
        let mut all: Vec<Tensor> = all.collect::<Result<_, Error>>()?;
        if all.len() == 1 {
            return Ok(all.swap_remove(0));
        }
        let (dims, device) = (all[0].dims().to_vec(), all[0].device().clone());
        let of_top = |(logits, (top, _)): (&Tensor, &(Top, Tensors))| -> Result<Vec<f32>, Error> {
            Ok(votes(&logits.flatten_all()?.to_vec1::<f32>()?, dims[1], top.scale))
        };
        let all = all.iter().zip(&self.tops).map(of_top).collect::<Result<Vec<_>, Error>>()?;
        Ok(Tensor::from_vec(mean_votes(&all), dims, &Device::Cpu)?.to_device(&device)?)
    }
}

impl Tensors {
    fn logits(&self, head: HeadKind, of: &Pretrained) -> Result<Tensor, Error> {
        let input = match (&self.center, head) {
            (Some(center), _) => {
                let centered = of.embedding.broadcast_sub(center)?;
                let length = (centered.sqr()?.sum_keepdim(D::Minus1)? + 1e-24)?.sqrt()?;
                centered.broadcast_div(&length)?
            }
            (None, HeadKind::Evidence) => of.log_odds.clone(),
            (None, _) => of.embedding.clone(),
        };
        Ok(input.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?)
    }

    fn head(&self, kind: HeadKind) -> Result<Head, Error> {
        Ok(Head {
            kind,
            n_classes: self.bias.dim(0)?,
            weight: self.weight.flatten_all()?.to_vec1()?,
            bias: self.bias.to_vec1()?,
            center: self.center.as_ref().map(Tensor::to_vec1).transpose()?.unwrap_or_default(),
        })
    }
}

impl Classifier for Headed {
    fn architecture(&self) -> serde_json::Value {
        let tops: Vec<Top> = self.tops.iter().map(|(top, _)| *top).collect();
        serde_json::json!({"kind": "headed", "heads": tops, "body": self.body.architecture()})
    }

    fn n_classes(&self) -> usize {
        self.tops[0].1.bias.elem_count()
    }

    fn embedding_dim(&self) -> usize {
        self.body.embedding_dim()
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        self.body.normalization(n_mels)
    }

    fn pretrained(&self, mel: &Tensor) -> Result<Option<Pretrained>, Error> {
        self.body.pretrained(mel)
    }

    fn pretrained_classes(&self) -> &[String] {
        self.body.pretrained_classes()
    }

    fn heads(&self) -> Result<Vec<Head>, Error> {
        self.tops.iter().map(|(top, tensors)| tensors.head(top.head)).collect()
    }

    /// The mean of the heads' logits, each minus its mean over the classes and scaled as its votes are.
    fn score(&self, below: &Below) -> Result<Tensor, Error> {
        let log_odds = below.log_odds.clone();
        let log_odds = log_odds.ok_or_else(|| Error::Fit("heads over a network without classes of its own".into()))?;
        let of = Pretrained { embedding: below.embedding.clone(), log_odds };
        let mut sum: Option<Tensor> = None;
        for (top, tensors) in &self.tops {
            let mut logits = tensors.logits(top.head, &of)?;
            if self.tops.len() > 1 {
                let scale = f64::from(top.scale) / self.tops.len() as f64;
                logits = (logits.broadcast_sub(&logits.mean_keepdim(D::Minus1)?)? * scale)?;
            }
            sum = Some(match sum {
                None => logits,
                Some(sum) => (sum + logits)?,
            });
        }
        sum.ok_or_else(|| Error::Fit("a network without heads".into()))
    }

    fn saliency(&self, mel: &Tensor, score: &Score<'_>, method: Option<Method>) -> Result<Option<Maps>, Error> {
        self.body.saliency(mel, score, method)
    }

    fn forward_pretrained(&self, mel: &Tensor) -> Result<(Output, Option<Tensor>), Error> {
        let of = self.body.pretrained(mel)?;
        let of = of.ok_or_else(|| Error::Fit("heads over a network without classes of its own".into()))?;
        Ok((Output { logits: self.logits(&of)?, embedding: of.embedding }, Some(of.log_odds)))
    }

    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
        Ok(self.forward_pretrained(mel)?.0)
    }
}
