//! Which patches a score comes from, followed through the attention of all layers.

use crate::config::{Pooling, VitConfig};
use crate::error::Error;
use crate::vit::{Vit, from_kernels};
use candle_core::{D, DType, Tensor, Var};
use classifier::{Below, Grid, Maps, Method, Mode, Score};
use kernels::{TransformerForm, reference};

/// Values of a layer's attention that are computed together, at most; those of one clip in any case.
const MOST_VALUES: usize = 1 << 22;

impl Vit {
    /// [`Method::Rollout`], or else [`Method::GradientRollout`].
    ///
    /// Both follow a row over the tokens, `[B, 1, T]`, from the embedding down: each layer's attention plus the identity is
    /// multiplied from the left with it. It begins with the share of each token in the embedding: one for the class token, as
    /// in the papers, equal ones for patches whose mean is used. With gradients a share is weighted like an attention: it is
    /// multiplied with the score's gradient with respect to it, and its positive part taken.
    ///
    /// Layers are differentiated one by one, so that no more than one layer's attention is in memory.
    pub(crate) fn rolled_out(&self, mel: &Tensor, score: &Score<'_>, method: Method) -> Result<Maps, Error> {
        let config = self.config();
        let mut tokens = self.below(mel, 0, Mode::Eval)?.detach(); // [B, T, D]
        let mut inputs = Vec::with_capacity(config.layers);
        for nth in 0..config.layers {
            inputs.push(tokens.clone());
            tokens = self.layers(&tokens, nth..nth + 1, Mode::Eval)?.detach();
        }
        let (n_clips, n_tokens, _) = tokens.dims3()?;
        let (mut row, mut gradient) = match method {
            Method::Rollout => (self.shares(&tokens)?.broadcast_as((n_clips, 1, n_tokens))?.contiguous()?, None),
            _ => {
                let (row, gradient) = self.weighted_shares(&tokens, score)?;
                (row, Some(gradient))
            }
        };
        let n_together = (MOST_VALUES / (config.heads * n_tokens * n_tokens)).max(1);
        for (nth, input) in inputs.iter().enumerate().rev() {
            let mut below = Vec::new();
            for first in (0..n_clips).step_by(n_together) {
                let part = |of: &Tensor| of.narrow(0, first, n_together.min(n_clips - first))?.contiguous();
                let gradient = gradient.as_ref().map(part).transpose()?;
                below.push(self.through(nth, &part(input)?, &part(&row)?, gradient.as_ref())?);
            }
            let (rows, gradients): (Vec<Tensor>, Vec<Option<Tensor>>) = below.into_iter().unzip();
            let gradients: Vec<Tensor> = gradients.into_iter().flatten().collect();
            row = Tensor::cat(&rows, 0)?;
            gradient = if gradients.is_empty() { None } else { Some(Tensor::cat(&gradients, 0)?) };
        }
        let first = n_tokens - config.n_patches();
        let cells = row.narrow(2, first, config.n_patches())?.flatten_all()?.to_vec1::<f32>()?;
        let (grid, cell) = place(config);
        let values = cells.chunks_exact(config.n_patches()).flat_map(|cells| grid.upsample(cells, config.input));
        Ok(Maps { method, cell, values: values.collect() })
    }

    /// The row below a layer, from that above it, and where gradients are followed the gradient of its input.
    fn through(
        &self,
        nth: usize,
        input: &Tensor,
        row: &Tensor,
        gradient: Option<&Tensor>,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let config = self.config();
        let form = TransformerForm { n_heads: config.heads, epsilon: config.epsilon as f32, keep: None };
        let attending = |input: &Tensor, added: Option<&Tensor>| {
            reference::attending_layer(input, &self.layers[nth], &form, added).map_err(from_kernels)
        };
        let Some(gradient) = gradient else {
            let [_, attention] = attending(input, None)?;
            let mean = attention.detach().mean(1)?; // [B, T, T]
            // Rows of attention plus identity add up to 2.
            return Ok((((row + row.matmul(&mean)?)? / 2.0)?, None));
        };
        let (n_clips, n_tokens, _) = input.dims3()?;
        let input = Var::from_tensor(input)?;
        let zero = Var::zeros((n_clips, config.heads, n_tokens, n_tokens), DType::F32, input.device())?;
        let [output, attention] = attending(&input, Some(&zero))?;
        let gradients = (output * gradient)?.sum_all()?.backward()?;
        let of = |var: &Var| gradients.get(var).cloned().ok_or_else(|| no_gradient("a layer"));
        let weighted = (attention.detach() * of(&zero)?)?.relu()?.mean(1)?; // [B, T, T]
        Ok(((row + row.matmul(&weighted)?)?, Some(of(&input)?.detach())))
    }

    /// The share of each token in the embedding, `[1, 1, T]`.
    fn shares(&self, tokens: &Tensor) -> Result<Tensor, Error> {
        let config = self.config();
        let (n_tokens, n_patches) = (config.n_tokens(), config.n_patches());
        let [class, distillation, patches] = match config.pooling {
            Pooling::Class => [1.0, 0.0, 0.0],
            Pooling::ClassDistillation => [0.5, 0.5, 0.0],
            Pooling::Mean => [0.0, 0.0, 1.0],
            Pooling::ClassMean => [0.5, 0.0, 0.5],
        };
        let share = |token: usize| match token {
            _ if token >= n_tokens - n_patches => patches / n_patches as f32,
            0 => class,
            1 => distillation,
            _ => 0.0,
        };
        Ok(Tensor::from_vec((0..n_tokens).map(share).collect(), (1, 1, n_tokens), tokens.device())?)
    }

    /// The positive part of each token's share in the score, `[B, 1, T]`, and the gradient of the tokens, `[B, T, D]`.
    fn weighted_shares(&self, tokens: &Tensor, score: &Score<'_>) -> Result<(Tensor, Tensor), Error> {
        let tokens = Var::from_tensor(tokens)?;
        let zero = Var::zeros(tokens.shape(), DType::F32, tokens.device())?;
        let normal = (self.normalize(&tokens)? + zero.as_tensor())?;
        let below = Below { embedding: self.pooled(&normal)?, log_odds: None };
        let gradients = score(&below).map_err(Error::Model)?.sum_all()?.backward()?;
        let of = |var: &Var| gradients.get(var).cloned().ok_or_else(|| no_gradient("the embedding"));
        let row = (normal.detach() * of(&zero)?)?.sum(D::Minus1)?.relu()?.unsqueeze(1)?;
        // What is alone needs no weight: it would only be 0 or not.
        let row = if self.config().pooling == Pooling::Class {
            self.shares(&tokens)?.broadcast_as(row.shape())?.contiguous()?
        } else {
            row
        };
        Ok((row, of(&tokens)?.detach()))
    }
}

fn no_gradient(what: &str) -> Error {
    Error::Model(classifier::Error::Fit(format!("{what}: a score without a gradient")))
}

/// Where the patches are in the spectrogram, and the size of one in its bands and frames.
fn place(config: &VitConfig) -> (Grid, [usize; 2]) {
    let (input, image) = (config.input, config.image());
    let scale: [f32; 2] = std::array::from_fn(|i| input[i] as f32 / image[i] as f32);
    let grid = Grid {
        n: config.grid(),
        first: std::array::from_fn(|i| config.patch[i] as f32 / 2.0 * scale[i] - 0.5),
        step: std::array::from_fn(|i| config.stride[i] as f32 * scale[i]),
    };
    (grid, std::array::from_fn(|i| (config.patch[i] as f32 * scale[i]).round().max(1.0) as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trained;
    use candle_core::Device;
    use classifier::{Classifier, Init, Parameters};
    use std::collections::HashMap;
    use std::path::Path;

    fn random(dims: &[usize], name: &str) -> Tensor {
        Tensor::from_vec(Init::Normal { std: 0.5 }.draw(dims.iter().product(), 1, name), dims, &Device::Cpu).unwrap()
    }

    fn network(pooling: Pooling) -> Vit {
        let config = VitConfig {
            input: [8, 14],
            resize: None,
            channels: 1,
            input_scale: 1.0,
            normalization: None,
            patch: [4, 4],
            stride: [4, 3],
            dim: 8,
            layers: 3,
            heads: 2,
            hidden: 12,
            epsilon: 1e-6,
            layer_scale: false,
            registers: 1,
            distillation: pooling == Pooling::ClassDistillation,
            pooling,
            dropout: 0.0,
            stochastic_depth: 0.0,
            patchout: [0, 0],
            adapter: None,
        };
        let mut parameters = Parameters::seeded(3, &Device::Cpu);
        let vit = Vit::new(&config, 3, Trained::Head, 1.0, &mut parameters).unwrap();
        let names = parameters.snapshot().unwrap().into_iter();
        let drawn: HashMap<String, Tensor> =
            names.map(|(name, tensor)| (name.clone(), random(tensor.dims(), &name))).collect();
        parameters.load(&drawn, Path::new("drawn")).unwrap();
        vit
    }

    /// Both papers by the letter: one graph of all layers, and products of whole matrices; one clip.
    fn by_matrices(vit: &Vit, mel: &Tensor, class: usize, method: Method) -> Vec<f32> {
        let config = vit.config();
        let form = TransformerForm { n_heads: config.heads, epsilon: config.epsilon as f32, keep: None };
        let mut tokens = vit.below(mel, 0, Mode::Eval).unwrap();
        let n = tokens.dim(1).unwrap();
        let (mut attentions, mut zeros) = (Vec::new(), Vec::new());
        for weights in &vit.layers {
            let zero = Var::zeros((1, config.heads, n, n), DType::F32, &Device::Cpu).unwrap();
            let [output, attention] = reference::attending_layer(&tokens, weights, &form, Some(&zero)).unwrap();
            tokens = output;
            attentions.push(attention.detach());
            zeros.push(zero);
        }
        let zero = Var::zeros(tokens.shape(), DType::F32, &Device::Cpu).unwrap();
        let normal = (vit.normalize(&tokens).unwrap() + zero.as_tensor()).unwrap();
        let logits = vit.score(&Below { embedding: vit.pooled(&normal).unwrap(), log_odds: None }).unwrap();
        let gradients = logits.narrow(1, class, 1).unwrap().sum_all().unwrap().backward().unwrap();
        let identity = Tensor::eye(n, DType::F32, &Device::Cpu).unwrap();
        let mut product = identity.clone();
        for (attention, zero) in attentions.iter().zip(&zeros) {
            let mean = match method {
                Method::Rollout => attention.mean(1).unwrap(),
                _ => (attention * gradients.get(zero).unwrap()).unwrap().relu().unwrap().mean(1).unwrap(),
            };
            let mut step = (mean.squeeze(0).unwrap() + &identity).unwrap();
            if method == Method::Rollout {
                step = step.broadcast_div(&step.sum_keepdim(1).unwrap()).unwrap();
            }
            product = step.matmul(&product).unwrap();
        }
        let start = match (method, config.pooling) {
            (Method::Rollout, _) | (_, Pooling::Class) => vit.shares(&tokens).unwrap().squeeze(0).unwrap(),
            _ => (normal * gradients.get(&zero).unwrap()).unwrap().sum(D::Minus1).unwrap().relu().unwrap(),
        };
        let row = start.matmul(&product).unwrap().squeeze(0).unwrap().to_vec1::<f32>().unwrap();
        place(config).0.upsample(&row[n - config.n_patches()..], config.input)
    }

    #[test]
    fn layer_by_layer_is_as_whole_matrices_of_one_graph() {
        let (mel, class) = (random(&[2, 8, 14], "mel"), [2, 1]);
        for pooling in [Pooling::Class, Pooling::Mean, Pooling::ClassMean, Pooling::ClassDistillation] {
            let vit = network(pooling);
            for method in [Method::Rollout, Method::GradientRollout] {
                let got = classifier::saliency(&vit, &mel, &class, Some(method)).unwrap().unwrap();
                assert_eq!((got.method, got.cell), (method, [4, 4]));
                for (clip, class) in class.into_iter().enumerate() {
                    let expected = by_matrices(&vit, &mel.narrow(0, clip, 1).unwrap(), class, method);
                    let largest = expected.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
                    for (got, expected) in got.values[clip * 8 * 14..].iter().zip(&expected) {
                        assert!((got - expected).abs() <= 1e-4 * largest, "{pooling:?} {method:?}: {got}, {expected}");
                    }
                }
            }
        }
    }
}
