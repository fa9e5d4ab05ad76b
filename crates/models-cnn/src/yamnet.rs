use crate::layer::from_kernels;
use crate::overlap::{CELL, joined};
use candle_core::{DType, Device, Tensor, Var};
use classifier::{Below, Classifier, Error, Init, Maps, Method, Mode, Normalization, Output, Parameters};
use classifier::{Pretrained, Score, weighted_map};
use kernels::{DirectGradients, SeparableWeights, conv_relu, separable_layer};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

/// Frames of an input window: 0.96 s.
pub const PATCH_FRAMES: usize = 96;

/// Bands of its spectrogram.
pub const N_BANDS: usize = 64;

/// Width of the embedding.
pub const DIM: usize = 1024;

/// Channels and stride of every layer's output, including the first.
pub const LAYERS: [(usize, usize); 14] = [
    (32, 2),
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// Classes of AudioSet in the published network.
pub const N_OWN_CLASSES: usize = 521;

/// Names of these classes: the display names of the AudioSet ontology (J. Gemmeke and others, 2017; CC BY 4.0), in the order
/// of the network's outputs.
static OWN_CLASSES: LazyLock<Vec<String>> =
    LazyLock::new(|| include_str!("audioset.txt").lines().map(str::to_owned).collect());

/// Probability that a window's class counts with at least, and one minus it at most: differences beyond are noise.
pub const LEAST_PROBABILITY: f64 = 1e-4;

/// Windows that are computed together in evaluation, so that the values between two layers stay in the cache of a processor.
const WINDOWS: usize = 16;

/// The configuration of a [`Yamnet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct YamnetConfig {
    /// Hop in frames between windows of [`PATCH_FRAMES`].
    pub hop_frames: usize,
    /// Dropout of the embedding before the last layer, in `[0, 1)`.
    pub dropout: f64,
}

impl Default for YamnetConfig {
    fn default() -> Self {
        Self { hop_frames: PATCH_FRAMES / 2, dropout: 0.2 }
    }
}

impl YamnetConfig {
    /// The `architecture` of a model file: `kind` is `yamnet`, the other fields are those of this struct.
    pub fn architecture(&self) -> serde_json::Value {
        let mut architecture = serde_json::json!(self);
        architecture["kind"] = "yamnet".into();
        architecture
    }
}

/// YAMNet (M. Plakal and D. Ellis, TensorFlow Models, 2019): MobileNet v1 over windows of 0.96 s, trained on AudioSet, and a
/// linear layer for the classes of the user over the mean of the windows' embeddings.
///
/// Its input is the front end `yamnet`, not normalized. Batch norm is folded into the weights, which come from
/// [`yamnet_weights`].
#[derive(Debug)]
pub struct Yamnet {
    config: YamnetConfig,
    n_classes: usize,
    first: [Tensor; 2],
    layers: Vec<(SeparableWeights, usize)>,
    /// The last layer for the [`N_OWN_CLASSES`] classes, never trained.
    own: [Tensor; 2],
    head: [Tensor; 2],
    gradients: DirectGradients,
    /// Number of frozen layers, from the first on.
    n_frozen: usize,
}

impl Yamnet {
    /// Parameters `layer1.conv.*`, `layerN.{depthwise, pointwise}_conv.*`, `dense.*` and `head.*`, each with `weight` and
    /// `bias`. The last `n_trained` of the fourteen layers and the head are trained.
    ///
    /// # Errors
    /// An invalid configuration, or names that `parameters` has already.
    pub fn new(
        config: &YamnetConfig,
        n_classes: usize,
        n_trained: usize,
        parameters: &mut Parameters,
    ) -> Result<Self, Error> {
        let wrong = |what: &str, expected: &str, got: String| {
            Err(Error::Shape { what: format!("YAMNet configuration: {what}"), expected: expected.into(), got })
        };
        if config.hop_frames == 0 {
            return wrong("hop_frames", "1 or more", "0".into());
        }
        if !(0.0..1.0).contains(&config.dropout) {
            return wrong("dropout", "0 <= dropout < 1", config.dropout.to_string());
        }
        let n_frozen = LAYERS.len().saturating_sub(n_trained);
        let zero = Init::Constant(0.0);
        let mut pair = |name: &str, dims: &[usize], init: Init, is_trained: bool| -> Result<[Tensor; 2], Error> {
            Ok([
                parameters.weight(&format!("{name}.weight"), dims, init, is_trained)?,
                parameters.weight(&format!("{name}.bias"), &dims[..1], zero, is_trained)?,
            ])
        };
        let mut n_in = LAYERS[0].0;
        let first = pair("layer1.conv", &[n_in, 1, 3, 3], zero, n_frozen == 0)?;
        let mut layers = Vec::new();
        for (nth, (n_out, stride)) in LAYERS.into_iter().enumerate().skip(1) {
            let (name, is_trained) = (format!("layer{}", nth + 1), nth >= n_frozen);
            let [depthwise, depthwise_bias] =
                pair(&format!("{name}.depthwise_conv"), &[n_in, 1, 3, 3], zero, is_trained)?;
            let [pointwise, pointwise_bias] =
                pair(&format!("{name}.pointwise_conv"), &[n_out, n_in, 1, 1], zero, is_trained)?;
            layers.push((SeparableWeights { depthwise, depthwise_bias, pointwise, pointwise_bias }, stride));
            n_in = n_out;
        }
        let own = pair("dense", &[N_OWN_CLASSES, DIM], zero, false)?;
        let bound = 1.0 / (DIM as f64).sqrt();
        let head = pair("head", &[n_classes, DIM], Init::Uniform { bound }, true)?;
        let gradients = parameters.direct_gradients().clone();
        Ok(Self { config: config.clone(), n_classes, first, layers, own, head, gradients, n_frozen })
    }

    /// Number of windows of a clip.
    fn n_windows(&self, n_frames: usize) -> usize {
        (n_frames - PATCH_FRAMES) / self.config.hop_frames + 1
    }

    /// Cuts clips into windows: `[B, M, T]` to `[B * P, 96, M, 1]`.
    fn windows(&self, mel: &Tensor) -> Result<Tensor, Error> {
        let &[n_clips, n_bands, n_frames] = mel.dims() else {
            return Err(wrong_input(mel));
        };
        if n_bands != N_BANDS || n_frames < PATCH_FRAMES {
            return Err(wrong_input(mel));
        }
        let by_frame = mel.transpose(1, 2)?.contiguous()?; // [B, T, M]
        let window = |nth: usize| by_frame.narrow(1, nth * self.config.hop_frames, PATCH_FRAMES);
        let windows: Vec<Tensor> = (0..self.n_windows(n_frames)).map(window).collect::<Result<_, _>>()?;
        let n_windows = windows.len();
        let all = Tensor::stack(&windows, 1)?.contiguous()?; // [B, P, 96, M]
        Ok(all.reshape((n_clips * n_windows, PATCH_FRAMES, N_BANDS, 1))?)
    }

    /// The last maps of windows, `[N, 96, M, 1]` to `[N, 3, 2, D]`.
    fn map(&self, windows: &Tensor, mode: Mode) -> Result<Tensor, Error> {
        let gradients = |nth: usize| match mode {
            Mode::Train { .. } if nth >= self.n_frozen => Some(&self.gradients),
            _ => None,
        };
        let [weight, bias] = &self.first;
        let mut map = conv_relu(windows, weight, bias, LAYERS[0].1, gradients(0)).map_err(from_kernels)?;
        for (nth, (weights, stride)) in self.layers.iter().enumerate() {
            map = separable_layer(&map, weights, *stride, gradients(nth + 1)).map_err(from_kernels)?;
        }
        Ok(map)
    }

    /// The embeddings of windows, `[N, 96, M, 1]` to `[N, D]`.
    fn embed(&self, windows: &Tensor, mode: Mode) -> Result<Tensor, Error> {
        Ok(self.map(windows, mode)?.flatten(1, 2)?.mean(1)?)
    }

    /// The windows' embeddings, `[B, P, D]`, and their logits for the classes of the published network, `[B, P, 521]`.
    ///
    /// # Shapes
    /// `mel`: `[B, 64, T]` with at least 96 frames; P windows.
    ///
    /// # Errors
    /// Another shape, or an operation that the device does not support.
    pub fn listen(&self, mel: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let (n_clips, n_windows) = (mel.dim(0)?, self.n_windows(mel.dim(2)?.max(PATCH_FRAMES)));
        let embedding = self.embed_windows(&self.windows(mel)?, Mode::Eval)?;
        let embedding = embedding.reshape((n_clips, n_windows, DIM))?;
        let scores = self.own_logits(&embedding)?;
        Ok((embedding, scores))
    }

    /// Logits of windows for the classes of the published network, `[B, P, D]` to `[B, P, 521]`.
    fn own_logits(&self, embedding: &Tensor) -> Result<Tensor, Error> {
        let (n_clips, n_windows, _) = embedding.dims3()?;
        let rows = embedding.reshape((n_clips * n_windows, DIM))?;
        let scores = rows.matmul(&self.own[0].t()?)?.broadcast_add(&self.own[1])?;
        Ok(scores.reshape((n_clips, n_windows, N_OWN_CLASSES))?)
    }

    /// What heads look at, from embeddings of windows, `[B, P, D]`, and their logits, `[B, P, K]`.
    fn of_windows(embedding: &Tensor, logits: &Tensor) -> Result<Pretrained, Error> {
        let most = (1.0 / LEAST_PROBABILITY - 1.0).ln();
        // The logarithm of the mean odds: a call in one window counts, and silence in the others does not hide it.
        let odds = logits.clamp(-most, most)?.exp()?.mean(1)?; // [B, K]
        Ok(Pretrained { embedding: embedding.mean(1)?, log_odds: odds.log()? })
    }

    fn embed_windows(&self, windows: &Tensor, mode: Mode) -> Result<Tensor, Error> {
        if mode != Mode::Eval {
            return self.embed(windows, mode);
        }
        let n = windows.dim(0)?;
        let part = |first: usize| self.embed(&windows.narrow(0, first, WINDOWS.min(n - first))?, mode);
        let parts: Vec<Tensor> = (0..n).step_by(WINDOWS).map(part).collect::<Result<_, Error>>()?;
        Ok(Tensor::cat(&parts, 0)?)
    }
}

fn wrong_input(mel: &Tensor) -> Error {
    Error::Shape {
        what: "YAMNet: mel".into(),
        expected: format!("[B, {N_BANDS}, {PATCH_FRAMES} or more], made by the front end `yamnet`"),
        got: format!("{:?}", mel.dims()),
    }
}

impl Classifier for Yamnet {
    fn architecture(&self) -> serde_json::Value {
        self.config.architecture()
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        DIM
    }

    fn normalization(&self, n_mels: usize) -> Option<Normalization> {
        Some(Normalization::uniform(n_mels, 0.0, 1.0))
    }

    fn pretrained(&self, mel: &Tensor) -> Result<Option<Pretrained>, Error> {
        let (embedding, logits) = self.listen(mel)?; // [B, P, D], [B, P, K]
        Self::of_windows(&embedding, &logits).map(Some)
    }

    fn pretrained_classes(&self) -> &[String] {
        &OWN_CLASSES
    }

    fn score(&self, below: &Below) -> Result<Tensor, Error> {
        Ok(below.embedding.matmul(&self.head[0].t()?)?.broadcast_add(&self.head[1])?)
    }

    /// Grad-CAM over the last layer's maps of every window, each with the gradient of its own embedding: where a class of the
    /// published network is what speaks, the windows that it speaks in count most. What overlaps is averaged.
    fn saliency(&self, mel: &Tensor, score: &Score<'_>, method: Option<Method>) -> Result<Option<Maps>, Error> {
        if method.is_some_and(|method| method != Method::GradCam) {
            return Ok(None);
        }
        let windows = self.windows(mel)?;
        let (n_clips, n_frames, n) = (mel.dim(0)?, mel.dim(2)?, windows.dim(0)?);
        let part = |first: usize| self.map(&windows.narrow(0, first, WINDOWS.min(n - first))?, Mode::Eval);
        let parts: Vec<Tensor> = (0..n).step_by(WINDOWS).map(part).collect::<Result<_, Error>>()?;
        let map = Tensor::cat(&parts, 0)?.detach(); // [B * P, 3, 2, D]
        let embedding = map.flatten(1, 2)?.mean(1)?.reshape((n_clips, n / n_clips, DIM))?;
        let embedding = Var::from_tensor(&embedding)?;
        let of = Self::of_windows(&embedding, &self.own_logits(&embedding)?)?;
        let below = Below { embedding: of.embedding, log_odds: Some(of.log_odds) };
        let gradients = score(&below)?.sum_all()?.backward()?;
        let of_window = gradients.get(&embedding).ok_or_else(|| Error::Fit("a score without a gradient".into()))?;
        let n_cells = map.dim(1)? * map.dim(2)?;
        let cells = weighted_map(&map, &(of_window.reshape((n, DIM))? / n_cells as f64)?)?;
        let values = joined(&cells, n_clips, n_frames, self.config.hop_frames);
        Ok(Some(Maps { method: Method::GradCam, cell: [CELL; 2], values }))
    }

    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, Error> {
        let windows = self.windows(mel)?;
        let n_clips = mel.dim(0)?;
        let of_windows = self.embed_windows(&windows, mode)?;
        let embedding = of_windows.reshape((n_clips, windows.dim(0)? / n_clips, DIM))?.mean(1)?; // [B, D]
        let seen = match mode {
            Mode::Train { seed } if self.config.dropout > 0.0 => {
                crate::dropout::drop_out(&embedding, self.config.dropout, seed)?
            }
            _ => embedding.clone(),
        };
        let logits = seen.matmul(&self.head[0].t()?)?.broadcast_add(&self.head[1])?;
        Ok(Output { logits, embedding })
    }
}

/// A tensor that no other network has.
const LAST_LAYER: &str = "layer14.pointwise_conv.weight";

/// YAMNet's weights with the names of [`Yamnet`], from the published `.tflite`, from a safetensors file with batch norm folded, or from a
/// model file of ours that has the network, by itself or among several (`member.N.`). A head of other classes is left out. Errors name
/// `path`.
///
/// # Errors
/// A file of another kind or network, or a damaged one.
#[tracing::instrument(level = "debug", skip_all, fields(path = %path.display()))]
pub fn yamnet_weights(bytes: &[u8], path: &Path) -> Result<HashMap<String, Tensor>, Error> {
    if bytes.get(4..8) == Some(b"TFL3") {
        return crate::tflite::yamnet_from_tflite(bytes, path);
    }
    let error = |reason: String| Error::File { path: path.to_owned(), reason };
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
        .map_err(|e| error(format!("neither a model of TensorFlow Lite nor a whole safetensors file ({e})")))?;
    let mut all = HashMap::new();
    for (name, tensor) in tensors {
        let tensor = tensor.to_dtype(DType::F32)?;
        let sum = tensor.abs()?.sum_all()?.to_scalar::<f32>()?;
        if !sum.is_finite() {
            return Err(error(format!("tensor {name}: expected finite values, got NaN or infinity")));
        }
        all.insert(name, tensor);
    }
    let found =
        all.keys().filter_map(|name| name.strip_suffix(LAST_LAYER)).min_by_key(|before| (before.len(), *before));
    let Some(before) = found.map(str::to_owned) else {
        return Err(error(format!("not YAMNet (no {LAST_LAYER})")));
    };
    let named = all.into_iter().filter_map(|(name, tensor)| Some((name.strip_prefix(&before)?.to_owned(), tensor)));
    Ok(named.filter(|(name, _)| !name.starts_with("head.")).collect())
}
