use crate::config::{AdapterConfig, Pooling, VitConfig};
use crate::patches::Images;
use crate::trained::Trained;
use crate::{Error, chance};
use candle_core::Tensor;
use classifier::{
    Below, Classifier, Finished, Init, Maps, Method, Mode, Normalization, Output, Parameters, Rule, Score,
};
use kernels::{
    Adapter, DirectGradients, Embedding, LinearWeights, TransformerForm, TransformerWeights, layer_norm,
    transformer_layer,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// Standard deviation of the initial weights.
const STD: f64 = 0.02;

/// A Vision Transformer over a spectrogram: patches, tokens, layers, and a linear layer for the classes of the user.
#[derive(Debug)]
pub struct Vit {
    pub(crate) config: VitConfig,
    n_classes: usize,
    trained: Trained,
    /// Filters and bias of the patches, `[D, C * h * w]` and `[D]`, and positions of output tokens and patches,
    /// `[1, S + N, D]`.
    pub(crate) embedding: Embedding,
    /// Output tokens, `[1, 1, D]` each: the class token, and the distillation token if there is one.
    pub(crate) output: Vec<Tensor>,
    /// `[1, R, D]`
    pub(crate) registers: Option<Tensor>,
    /// How spectrograms are made images.
    pub(crate) images: Images,
    pub(crate) layers: Vec<TransformerWeights>,
    norm: [Tensor; 2],
    head: [Tensor; 2],
    pub(crate) gradients: DirectGradients,
}

/// Defines parameters by name, each trained or not.
struct Definer<'a> {
    parameters: &'a mut Parameters,
    is_trained: bool,
    rate: f64,
}

impl Definer<'_> {
    fn tensor(&mut self, name: &str, dims: &[usize], init: Init, decays: bool) -> Result<Tensor, Error> {
        let tensor = self.parameters.weight(name, dims, init, self.is_trained)?;
        if self.is_trained {
            self.parameters.set_rule(name, Rule { rate: self.rate, decays });
        }
        Ok(tensor)
    }

    fn vector(&mut self, name: &str, dim: usize, value: f32) -> Result<Tensor, Error> {
        self.tensor(name, &[dim], Init::Constant(value), false)
    }

    fn norm(&mut self, name: &str, dim: usize) -> Result<[Tensor; 2], Error> {
        Ok([self.vector(&format!("{name}.weight"), dim, 1.0)?, self.vector(&format!("{name}.bias"), dim, 0.0)?])
    }

    fn linear(
        &mut self,
        name: &str,
        [n_out, n_in]: [usize; 2],
        adapter: Option<AdapterConfig>,
    ) -> Result<LinearWeights, Error> {
        let weight = self.tensor(&format!("{name}.weight"), &[n_out, n_in], Init::Normal { std: STD }, true)?;
        let bias = self.vector(&format!("{name}.bias"), n_out, 0.0)?;
        let Some(AdapterConfig { rank, alpha, .. }) = adapter else {
            return Ok(LinearWeights { weight, bias, adapter: None });
        };
        // An adapter starts as zero: one of its factors does.
        let mut factor = |end: &str, dims: [usize; 2], init: Init| {
            let name = format!("{name}.adapter.{end}");
            let tensor = self.parameters.weight(&name, &dims, init, true)?;
            self.parameters.set_rule(&name, Rule { rate: 1.0, decays: true });
            Ok::<_, Error>(tensor)
        };
        let std = 1.0 / (n_in as f64).sqrt();
        let adapter = Adapter {
            down: factor("down", [rank, n_in], Init::Normal { std })?,
            up: factor("up", [n_out, rank], Init::Constant(0.0))?,
            factor: (alpha / rank as f64) as f32,
        };
        Ok(LinearWeights { weight, bias, adapter: Some(adapter) })
    }
}

impl Vit {
    /// Parameters `patch.*`, `class`, `distillation`, `registers`, `position`, `layers.N.*`, `norm.*` and `head.*`.
    ///
    /// `layer_decay`: factor of the learning rate from each layer to the one below it, so that layers near the input change
    /// least (K. Clark et al., "ELECTRA", 2020).
    ///
    /// # Errors
    /// An invalid configuration, or names that `parameters` has already.
    pub fn new(
        config: &VitConfig,
        n_classes: usize,
        trained: Trained,
        layer_decay: f64,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        config.check()?;
        if (trained == Trained::Adapters) != config.adapter.is_some() {
            let got = format!("{trained:?} and {:?}", config.adapter);
            let expected = "adapters if, and only if, they are trained".to_owned();
            return Err(Error::Config { field: "adapter", expected, got });
        }
        let (dim, normal) = (config.dim, Init::Normal { std: STD });
        let (first_trained, all) = (trained.first_layer(config.layers), trained == Trained::All);
        let rate = |below: usize| layer_decay.powi(below as i32);
        let mut define = Definer { parameters, is_trained: all, rate: rate(config.layers + 1) };
        let weight = define.tensor("patch.weight", &[dim, config.patch_len()], normal, true)?;
        let bias = define.vector("patch.bias", dim, 0.0)?;
        let mut output = vec![define.tensor("class", &[1, 1, dim], normal, false)?];
        if config.distillation {
            output.push(define.tensor("distillation", &[1, 1, dim], normal, false)?);
        }
        let n_positions = config.n_output_tokens() + config.n_patches();
        let position = define.tensor("position", &[1, n_positions, dim], normal, false)?;
        let embedding = Embedding { weight, bias, position };
        let registers = match config.registers {
            0 => None,
            n => Some(define.tensor("registers", &[1, n, dim], normal, false)?),
        };
        let mut layers = Vec::with_capacity(config.layers);
        for nth in 0..config.layers {
            let name = |part: &str| format!("layers.{nth}.{part}");
            let whole = trained != Trained::Adapters;
            define.is_trained = whole && nth >= first_trained;
            define.rate = rate(config.layers - nth);
            let adapter = config.adapter;
            let of_mlp = adapter.filter(|adapter| adapter.mlp);
            let scale = |define: &mut Definer<'_>, part: &str| {
                config.layer_scale.then(|| define.vector(&name(part), dim, 1.0)).transpose()
            };
            layers.push(TransformerWeights {
                norm1: define.norm(&name("norm1"), dim)?,
                qkv: define.linear(&name("qkv"), [3 * dim, dim], adapter)?,
                out: define.linear(&name("out"), [dim, dim], adapter)?,
                scale1: scale(&mut define, "scale1")?,
                norm2: define.norm(&name("norm2"), dim)?,
                up: define.linear(&name("up"), [config.hidden, dim], of_mlp)?,
                down: define.linear(&name("down"), [dim, config.hidden], of_mlp)?,
                scale2: scale(&mut define, "scale2")?,
            });
        }
        define.is_trained = matches!(trained, Trained::All | Trained::Last(_));
        define.rate = 1.0;
        let norm = define.norm("norm", dim)?;
        define.is_trained = true;
        let head = [
            define.tensor("head.weight", &[n_classes, config.embedding_dim()], normal, true)?,
            define.vector("head.bias", n_classes, 0.0)?,
        ];
        let gradients = parameters.direct_gradients().clone();
        let (config, images) = (config.clone(), Images::default());
        Ok(Self { config, n_classes, trained, embedding, output, registers, images, layers, norm, head, gradients })
    }

    /// The configuration of the network.
    pub fn config(&self) -> &VitConfig {
        &self.config
    }

    /// The first layer with trained weights; the layers before it compute the same in every epoch.
    pub fn first_trained_layer(&self) -> usize {
        self.trained.first_layer(self.config.layers)
    }

    /// Tokens through some of the layers.
    ///
    /// # Errors
    /// An operation that the device does not support.
    pub fn layers(&self, tokens: &Tensor, layers: Range<usize>, mode: Mode) -> Result<Tensor, Error> {
        let config = &self.config;
        let n_clips = tokens.dim(0)?;
        let mut tokens = tokens.clone();
        for nth in layers {
            let keep = match mode {
                Mode::Train { seed } if config.stochastic_depth > 0.0 && nth >= self.first_trained_layer() => {
                    let share = config.stochastic_depth * nth as f64 / (config.layers.max(2) - 1) as f64;
                    Some([0, 1].map(|half| chance::halves_kept(n_clips, share, seed, 2 * nth + half)))
                }
                _ => None,
            };
            let form = TransformerForm { n_heads: config.heads, epsilon: config.epsilon as f32, keep };
            let gradients = match mode {
                Mode::Train { .. } if nth >= self.first_trained_layer() => Some(&self.gradients),
                _ => None,
            };
            tokens = transformer_layer(&tokens, &self.layers[nth], &form, gradients).map_err(from_kernels)?;
        }
        Ok(tokens)
    }

    /// The norm after the last layer.
    ///
    /// # Errors
    /// An operation that the device does not support.
    pub fn normalize(&self, tokens: &Tensor) -> Result<Tensor, Error> {
        let [scale, shift] = &self.norm;
        layer_norm(tokens, scale, shift, self.config.epsilon as f32).map_err(from_kernels)
    }

    /// The embedding from the last layer's tokens: norm and pooling.
    fn pool(&self, tokens: &Tensor) -> Result<Tensor, Error> {
        // Only the tokens that are used are normalized.
        let used = match self.config.pooling {
            Pooling::Class => tokens.narrow(1, 0, 1)?,
            Pooling::ClassDistillation => tokens.narrow(1, 0, 2)?,
            Pooling::Mean | Pooling::ClassMean => tokens.clone(),
        };
        self.pooled(&self.normalize(&used)?)
    }

    /// The embedding from normalized tokens, the first ones or all.
    pub(crate) fn pooled(&self, normal: &Tensor) -> Result<Tensor, Error> {
        let config = &self.config;
        let token = |tokens: &Tensor, nth: usize| tokens.narrow(1, nth, 1)?.squeeze(1);
        let first_patch = config.n_output_tokens() + config.registers;
        Ok(match config.pooling {
            Pooling::Class => token(normal, 0)?,
            Pooling::ClassDistillation => normal.narrow(1, 0, 2)?.mean(1)?,
            Pooling::Mean | Pooling::ClassMean => {
                let mean = normal.narrow(1, first_patch, normal.dim(1)? - first_patch)?.mean(1)?;
                if config.pooling == Pooling::Mean { mean } else { Tensor::cat(&[&token(normal, 0)?, &mean], 1)? }
            }
        })
    }

    /// The output for the tokens of the layers before `from`.
    pub(crate) fn above(&self, tokens: &Tensor, from: usize, mode: Mode) -> Result<Output, Error> {
        let tokens = self.layers(tokens, from..self.config.layers, mode)?;
        let embedding = self.pool(&tokens)?; // [B, D]
        let seen = match mode {
            Mode::Train { seed } if self.config.dropout > 0.0 => {
                let mask = chance::dropout(embedding.elem_count(), self.config.dropout, seed);
                (&embedding * Tensor::from_vec(mask, embedding.dims(), embedding.device())?)?
            }
            _ => embedding.clone(),
        };
        let logits = seen.matmul(&self.head[0].t()?)?.broadcast_add(&self.head[1])?;
        Ok(Output { logits, embedding })
    }

    /// The tokens after the layers before `to`.
    ///
    /// # Shapes
    /// `mel`: `[B, M, T]`, normalized; the result: `[B, n_tokens, D]`.
    ///
    /// # Errors
    /// Another size than the configuration's, or an operation that the device does not support.
    pub fn below(&self, mel: &Tensor, to: usize, mode: Mode) -> Result<Tensor, Error> {
        let config = &self.config;
        let [bands, frames] = config.input;
        let n_clips = mel.dim(0)?;
        if mel.dims() != [n_clips, bands, frames] {
            let (expected, got) = (format!("[B, {bands}, {frames}]"), format!("{:?}", mel.dims()));
            return Err(classifier::Error::Shape { what: "ViT: mel".into(), expected, got }.into());
        }
        let tokens = self.embed(&self.images.of(mel, config)?, mode)?;
        self.layers(&tokens, 0..to, mode)
    }
}

impl Classifier for Vit {
    fn architecture(&self) -> serde_json::Value {
        self.config.architecture()
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        self.config.embedding_dim()
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        self.config.normalization.map(|[mean, std]| Normalization::uniform(n_mels, mean, std))
    }

    /// Means over all tokens, after a third and two thirds of the layers.
    fn layer_features(&self, mel: &Tensor) -> Result<Vec<Tensor>, classifier::Error> {
        let n = self.config.layers;
        let (first, second) = (n / 3, 2 * n / 3);
        let third = self.below(mel, first, Mode::Eval)?;
        let two_thirds = self.layers(&third, first..second, Mode::Eval)?;
        Ok(vec![third.mean(1)?, two_thirds.mean(1)?])
    }

    fn score(&self, below: &Below) -> Result<Tensor, classifier::Error> {
        Ok(below.embedding.matmul(&self.head[0].t()?)?.broadcast_add(&self.head[1])?)
    }

    fn saliency(
        &self,
        mel: &Tensor,
        score: &Score<'_>,
        method: Option<Method>,
    ) -> Result<Option<Maps>, classifier::Error> {
        match method.unwrap_or(Method::Rollout) {
            Method::GradCam => Ok(None),
            method => Ok(Some(self.rolled_out(mel, score, method)?)),
        }
    }

    /// Merges the adapters into the weights.
    fn finished(
        &self,
        mut tensors: BTreeMap<String, Tensor>,
        normalization: &Normalization,
    ) -> Result<Finished, classifier::Error> {
        if let Some(AdapterConfig { rank, alpha, .. }) = self.config.adapter {
            let names: Vec<String> =
                tensors.keys().filter_map(|name| Some(name.strip_suffix(".adapter.up")?.to_owned())).collect();
            for name in names {
                let missing =
                    || classifier::Error::Fit(format!("adapter of {name}: one of its two factors is missing"));
                let up = tensors.remove(&format!("{name}.adapter.up")).ok_or_else(missing)?;
                let down = tensors.remove(&format!("{name}.adapter.down")).ok_or_else(missing)?;
                let weight = tensors.get_mut(&format!("{name}.weight")).ok_or_else(missing)?;
                // After a resumption the best epoch's values may be on the CPU, while the frozen weights are not.
                let (up, down) = (up.to_device(weight.device())?, down.to_device(weight.device())?);
                *weight = (&*weight + (up.matmul(&down)? * (alpha / rank as f64))?)?;
            }
        }
        let architecture = VitConfig { adapter: None, ..self.config.clone() }.architecture();
        Ok(Finished { architecture, normalization: normalization.clone(), tensors })
    }

    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, classifier::Error> {
        let first = self.first_trained_layer();
        let tokens = self.below(mel, first, mode)?;
        Ok(self.above(&tokens, first, mode)?)
    }
}

/// An error of a kernel as an error of the model.
pub(crate) fn from_kernels(error: kernels::Error) -> Error {
    match error {
        kernels::Error::Tensor(error) => Error::Tensor(error),
        kernels::Error::Shape { operation, what, expected, got } => {
            classifier::Error::Shape { what: format!("{operation}: {what}"), expected, got }.into()
        }
        other => Error::Tensor(candle_core::Error::wrap(other)),
    }
}

impl From<Error> for classifier::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(error) => Self::Tensor(error),
            Error::Model(error) => error,
            other => Self::Fit(other.to_string()),
        }
    }
}
