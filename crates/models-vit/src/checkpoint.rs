//! Checkpoints in the format of the Hugging Face hub: `config.json` and weights in safetensors, one file or several.

use crate::Error;
use crate::config::{Pooling, VitConfig};
use crate::interpolation::resample;
use crate::layout::{LayerNames, Layout};
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The file with weights as a Python pickle.
const PICKLED: &str = "pytorch_model.bin";

/// A pretrained network, read from a folder.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config: HubConfig,
    layout: Layout,
    /// By their names in the file, without the prefix of the network.
    tensors: HashMap<String, Tensor>,
}

/// The weights of a [`crate::Vit`], and the unused tensors of the checkpoint.
#[derive(Debug)]
pub struct PretrainedWeights {
    /// By the names of [`crate::Vit`], F32.
    pub tensors: HashMap<String, Tensor>,
    /// Unused tensors of the checkpoint, such as its own head.
    pub ignored: Vec<String>,
}

/// The input of a network that was trained on images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// The spectrogram itself: one channel, its own grid of patches.
    #[default]
    OwnGrid,
    /// Like the images: three equal channels, resized to their size.
    AsImage,
}

/// The content of `config.json`.
#[derive(Debug, Clone, Deserialize)]
struct HubConfig {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: Option<usize>,
    mlp_ratio: Option<f64>,
    #[serde(default = "gelu")]
    hidden_act: String,
    layer_norm_eps: f64,
    image_size: Option<OneOrTwo>,
    patch_size: OneOrTwo,
    #[serde(default = "three")]
    num_channels: usize,
    #[serde(default = "yes")]
    qkv_bias: bool,
    #[serde(default)]
    use_swiglu_ffn: bool,
    #[serde(default)]
    num_register_tokens: usize,
    frequency_stride: Option<usize>,
    time_stride: Option<usize>,
    max_length: Option<usize>,
    num_mel_bins: Option<usize>,
}

/// A number for both directions, or one each.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum OneOrTwo {
    One(usize),
    Two([usize; 2]),
}

impl OneOrTwo {
    fn both(self) -> [usize; 2] {
        match self {
            Self::One(size) => [size; 2],
            Self::Two(sizes) => sizes,
        }
    }
}

fn gelu() -> String {
    "gelu".into()
}

fn three() -> usize {
    3
}

fn yes() -> bool {
    true
}

impl Checkpoint {
    /// Reads a folder.
    ///
    /// # Errors
    /// No such folder, an unknown kind of network, a damaged file, or weights that exist only as a Python pickle.
    #[tracing::instrument(level = "debug", skip_all, fields(folder = %folder.display()))]
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let text = storage::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let bad = |reason: String| Error::Checkpoint { path: path.clone(), reason };
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| bad(format!("not JSON ({error})")))?;
        let kind = value["model_type"].as_str().unwrap_or("none").to_owned();
        let layout = Layout::of(&kind)
            .ok_or_else(|| bad(format!("model_type: expected one of {}, got {kind}", Layout::names().join(", "))))?;
        let config: HubConfig = serde_json::from_value(value).map_err(|error| bad(error.to_string()))?;
        let refuse = |what: &str| Err(bad(format!("{what}: not supported for this network")));
        if config.hidden_act != "gelu" {
            return refuse(&format!("hidden_act: expected gelu, got {}", config.hidden_act));
        }
        if config.use_swiglu_ffn {
            return refuse("use_swiglu_ffn");
        }
        if !config.qkv_bias {
            return refuse("qkv_bias: expected true, got false");
        }
        let tensors = read_weights(folder)?;
        let tensors = tensors.into_iter().map(|(name, tensor)| (layout.without_prefix(&name).to_owned(), tensor));
        Ok(Self { folder: folder.to_owned(), config, layout, tensors: tensors.collect() })
    }

    /// The kind of network: the `model_type` of its `config.json`.
    pub fn kind(&self) -> &str {
        &self.config.model_type
    }

    /// Whether it was trained on spectrograms, so that it needs those of its own front end.
    pub fn is_audio(&self) -> bool {
        self.layout == Layout::AudioSpectrogram
    }

    /// The network over spectrograms of `input` bands and frames.
    ///
    /// # Errors
    /// An invalid configuration.
    pub fn vit_config(&self, input: [usize; 2], view: View) -> Result<VitConfig, Error> {
        let c = &self.config;
        let patch = c.patch_size.both();
        let as_image = view == View::AsImage && !self.is_audio();
        let hidden = c.intermediate_size.unwrap_or((c.mlp_ratio.unwrap_or(4.0) * c.hidden_size as f64) as usize);
        let stride = if self.is_audio() {
            [c.frequency_stride.unwrap_or(patch[0]), c.time_stride.unwrap_or(patch[1])]
        } else {
            patch
        };
        let distillation = self.tensors.contains_key("embeddings.distillation_token");
        let config = VitConfig {
            input,
            // Its own size, except for networks that were trained on images too large for the benefit.
            resize: as_image.then(|| c.image_size.map_or([224; 2], |size| size.both().map(|side| side.min(224)))),
            channels: if as_image { c.num_channels } else { 1 },
            input_scale: 1.0,
            normalization: self.layout.normalization(),
            patch,
            stride,
            dim: c.hidden_size,
            layers: c.num_hidden_layers,
            heads: c.num_attention_heads,
            hidden,
            epsilon: c.layer_norm_eps,
            layer_scale: self.layer_names().has_scale(),
            registers: c.num_register_tokens,
            distillation,
            pooling: if self.is_audio() && distillation { Pooling::ClassDistillation } else { Pooling::ClassMean },
            dropout: 0.0,
            stochastic_depth: 0.0,
            patchout: [0, 0],
            adapter: None,
        };
        config.check()?;
        Ok(config)
    }

    fn layer_names(&self) -> LayerNames {
        LayerNames::of(|name| self.tensors.contains_key(name))
    }

    /// The weights for a network of this configuration: queries, keys and values combined, patch filters summed over the image
    /// channels if the network has one (the same result as with three equal channels), positions for its grid.
    ///
    /// # Errors
    /// A tensor that is missing or has another shape; the message names it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub fn weights(&self, config: &VitConfig) -> Result<PretrainedWeights, Error> {
        let mut used = BTreeSet::new();
        let mut tensors = HashMap::new();
        let names = self.layer_names();
        let mut take = |name: &str| self.take(name, &mut used);
        tensors.insert("class".to_owned(), take("embeddings.cls_token")?);
        if config.distillation {
            tensors.insert("distillation".into(), take("embeddings.distillation_token")?);
        }
        if config.registers > 0 {
            tensors.insert("registers".into(), take("embeddings.register_tokens")?);
        }
        let filters = take("embeddings.patch_embeddings.projection.weight")?; // [D, C, h, w]
        tensors.insert("patch.weight".into(), self.filters(filters, config)?);
        tensors.insert("patch.bias".into(), take("embeddings.patch_embeddings.projection.bias")?);
        tensors.insert("position".into(), self.positions(&take("embeddings.position_embeddings")?, config)?);
        for nth in 0..config.layers {
            for end in ["weight", "bias"] {
                let parts = ["query", "key", "value"];
                let parts = parts.map(|part| take(&format!("encoder.layer.{nth}.attention.attention.{part}.{end}")));
                let [query, key, value] = parts;
                tensors.insert(format!("layers.{nth}.qkv.{end}"), Tensor::cat(&[query?, key?, value?], 0)?);
                for (ours, theirs) in names.pairs() {
                    let tensor = take(&format!("encoder.layer.{nth}.{theirs}.{end}"))?;
                    tensors.insert(format!("layers.{nth}.{ours}.{end}"), tensor);
                }
            }
            if config.layer_scale {
                for half in ["1", "2"] {
                    let scale = take(&format!("encoder.layer.{nth}.layer_scale{half}.lambda1"))?;
                    tensors.insert(format!("layers.{nth}.scale{half}"), scale);
                }
            }
        }
        for end in ["weight", "bias"] {
            tensors.insert(format!("norm.{end}"), take(&format!("layernorm.{end}"))?);
        }
        let ignored: BTreeSet<_> = self.tensors.keys().filter(|name| !used.contains(*name)).cloned().collect();
        Ok(PretrainedWeights { tensors, ignored: ignored.into_iter().collect() })
    }

    fn take(&self, name: &str, used: &mut BTreeSet<String>) -> Result<Tensor, Error> {
        used.insert(name.to_owned());
        self.tensors.get(name).cloned().ok_or_else(|| {
            let there: Vec<_> = self.tensors.keys().take(3).map(String::as_str).collect();
            self.bad(format!("tensor {name}: missing (there are {}, ...)", there.join(", ")))
        })
    }

    fn bad(&self, reason: String) -> Error {
        Error::Checkpoint { path: self.folder.clone(), reason }
    }

    fn filters(&self, filters: Tensor, config: &VitConfig) -> Result<Tensor, Error> {
        let (dim, channels, ..) = filters.dims4()?;
        let filters = match (channels, config.channels) {
            (one, other) if one == other => filters,
            (_, 1) => filters.sum_keepdim(1)?,
            (had, wanted) => return Err(self.bad(format!("patch filters: expected {wanted} channels, got {had}"))),
        };
        Ok(filters.reshape((dim, ()))?)
    }

    fn positions(&self, all: &Tensor, config: &VitConfig) -> Result<Tensor, Error> {
        let (n_output, dim) = (config.n_output_tokens(), config.dim);
        let n = all.dim(1)?.saturating_sub(n_output);
        let grid = self.grid(config, n).ok_or_else(|| self.bad(format!("{n} positions of patches: no known grid")))?;
        let of_patches = all.narrow(1, n_output, n)?.reshape((grid[0], grid[1], dim))?;
        let wanted = config.grid();
        let mut of_patches = of_patches;
        // As in the Audio Spectrogram Transformer: a shorter grid is cut from the middle.
        for (direction, &wanted) in wanted.iter().enumerate().filter(|_| self.is_audio()) {
            let have = of_patches.dim(direction)?;
            if wanted < have {
                of_patches = of_patches.narrow(direction, (have - wanted) / 2, wanted)?;
            }
        }
        let of_patches = resample(&of_patches.contiguous()?, wanted, self.layout.curve())?;
        let of_patches = of_patches.reshape((1, wanted[0] * wanted[1], dim))?;
        Ok(Tensor::cat(&[&all.narrow(1, 0, n_output)?, &of_patches], 1)?)
    }

    /// Rows and columns of the positions that the network was trained with.
    fn grid(&self, config: &VitConfig, n: usize) -> Option<[usize; 2]> {
        let c = &self.config;
        let size = match (self.is_audio(), c.num_mel_bins, c.max_length) {
            (true, Some(bands), Some(frames)) => [bands, frames],
            _ => c.image_size?.both(),
        };
        let along = |i: usize| size[i].checked_sub(config.patch[i]).map(|left| left / config.stride[i] + 1);
        let grid = [along(0)?, along(1)?];
        (grid[0] * grid[1] == n).then_some(grid)
    }
}

/// All tensors of a folder, F32.
fn read_weights(folder: &Path) -> Result<HashMap<String, Tensor>, Error> {
    let index = folder.join("model.safetensors.index.json");
    let whole = folder.join("model.safetensors");
    let bad = |path: &Path, reason: String| Error::Checkpoint { path: path.to_owned(), reason };
    if storage::exists(&whole) {
        return read_file(&whole);
    }
    if !storage::exists(&index) {
        let reason = if storage::exists(folder.join(PICKLED)) {
            format!(
                "the weights exist only as {PICKLED}: reading it runs any code in it; convert them to \
                 safetensors, or take a repository that has them"
            )
        } else {
            "no model.safetensors".to_owned()
        };
        return Err(bad(folder, reason));
    }
    #[derive(Deserialize)]
    struct Index {
        weight_map: HashMap<String, String>,
    }
    let text = storage::read(&index).map_err(|source| Error::Read { path: index.clone(), source })?;
    let map: Index = serde_json::from_slice(&text).map_err(|error| bad(&index, error.to_string()))?;
    let files: BTreeSet<&String> = map.weight_map.values().collect();
    let mut all = HashMap::new();
    for file in files {
        if Path::new(file).components().count() != 1 {
            return Err(bad(&index, format!("{file}: not the name of a file beside it")));
        }
        all.extend(read_file(&folder.join(file))?);
    }
    match map.weight_map.keys().find(|name| !all.contains_key(*name)) {
        None => Ok(all),
        Some(name) => Err(bad(&index, format!("tensor {name}: none of the files has it"))),
    }
}

fn read_file(path: &Path) -> Result<HashMap<String, Tensor>, Error> {
    let bytes = storage::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let bad = |reason: String| Error::Checkpoint { path: path.to_owned(), reason };
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| bad(format!("not a complete safetensors file ({error}); download it again")))?;
    let mut all = HashMap::new();
    for (name, view) in tensors.iter() {
        let dtype = match view.dtype() {
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::F16 => DType::F16,
            safetensors::Dtype::BF16 => DType::BF16,
            // Counters and masks are not weights; a missing weight is reported later.
            _ => continue,
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?.to_dtype(DType::F32)?;
        if tensor.elem_count() > 0 && !tensor.abs()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
            return Err(bad(format!("tensor {name}: expected finite values, got NaN or infinity")));
        }
        all.insert(name.to_owned(), tensor);
    }
    Ok(all)
}
