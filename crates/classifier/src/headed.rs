use crate::{Classifier, Error, Head, HeadKind, Init, Mode, Normalization, Output, Parameters, Pretrained};
use candle_core::{D, Tensor};

/// A pretrained network with a [`Head`] that was fitted on what the network computes.
pub struct Headed {
    body: Box<dyn Classifier>,
    kind: HeadKind,
    /// `[C, X]`.
    weight: Tensor,
    /// `[C]`.
    bias: Tensor,
    /// `[D]`; of a prototype only.
    center: Option<Tensor>,
}

impl Headed {
    /// Defines the frozen tensors of [`Head::tensors`], all zero, after those of `body`.
    ///
    /// # Errors
    /// [`HeadKind::Evidence`] over a network without classes of its own, or a name that is in use.
    pub fn new(
        body: Box<dyn Classifier>,
        kind: HeadKind,
        n_classes: usize,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        let (dim, zero) = (body.embedding_dim(), Init::Constant(0.0));
        let width = match kind {
            HeadKind::Evidence => body.pretrained_classes().len(),
            HeadKind::Prototype | HeadKind::Linear => dim,
        };
        if width == 0 {
            let (expected, got) = ("a network with classes of its own".to_owned(), body.architecture().to_string());
            return Err(Error::Shape { what: format!("head {}", kind.name()), expected, got });
        }
        let weight = parameters.weight("top.weight", &[n_classes, width], zero, false)?;
        let bias = parameters.weight("top.bias", &[n_classes], zero, false)?;
        let center = match kind {
            HeadKind::Prototype => Some(parameters.weight("top.center", &[dim], zero, false)?),
            HeadKind::Evidence | HeadKind::Linear => None,
        };
        Ok(Self { body, kind, weight, bias, center })
    }

    /// The head as plain numbers.
    ///
    /// # Errors
    /// A tensor that cannot be copied from the device.
    pub fn head(&self) -> Result<Head, Error> {
        Ok(Head {
            kind: self.kind,
            n_classes: self.bias.dim(0)?,
            weight: self.weight.flatten_all()?.to_vec1()?,
            bias: self.bias.to_vec1()?,
            center: self.center.as_ref().map(Tensor::to_vec1).transpose()?.unwrap_or_default(),
        })
    }

    /// Its logits from what the network computes.
    fn logits(&self, of: &Pretrained) -> Result<Tensor, Error> {
        let input = match (&self.center, self.kind) {
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
}

impl Classifier for Headed {
    fn architecture(&self) -> serde_json::Value {
        serde_json::json!({"kind": "headed", "head": self.kind, "body": self.body.architecture()})
    }

    fn n_classes(&self) -> usize {
        self.bias.elem_count()
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

    fn pretrained_classes(&self) -> &'static [&'static str] {
        self.body.pretrained_classes()
    }

    fn forward(&self, mel: &Tensor, _: Mode) -> Result<Output, Error> {
        let of = self.body.pretrained(mel)?;
        let of = of.ok_or_else(|| Error::Fit("a head over a network without outputs of its own".into()))?;
        Ok(Output { logits: self.logits(&of)?, embedding: of.embedding })
    }
}
