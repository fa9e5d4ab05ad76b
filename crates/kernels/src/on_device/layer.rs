//! A transformer's layer on a device: about two dozen operations forward, and twice as many back.

use super::Body;
use super::columns::{Ending, Scaled, add_up_backward, add_up_storage, column_sums, gelu_backward, gelu_forward};
use super::heads::{Split, softmax_backward, softmax_forward};
use super::linear::{Linear, hand_over, product};
use super::norm::{Moments, Norm};
use crate::transformer::Size;
use crate::{DirectGradients, TransformerForm, TransformerWeights};
use candle_core::{DType, Result, Shape, Storage, Tensor};

/// A layer whose operands are on the device. Rows are those of all clips, `[M, D]`.
pub(super) struct Layer {
    body: Body,
    to: DType,
    weights: TransformerWeights,
    epsilon: f32,
    split: Split,
    linear: [Linear; 4],
    /// Factors of the clips' halves, `[B]` each.
    keep: Option<[Tensor; 2]>,
}

/// Places in [`Layer::linear`].
const OUT: usize = 1;
const DOWN: usize = 3;

/// What the backward pass needs of the way forward.
pub(super) struct Saved {
    /// What came in, f32.
    tokens: Tensor,
    moments: [Moments; 2],
    /// What the first and the third linear layer got.
    normal: [Option<Tensor>; 2],
    /// Queries, keys and values, `[3, B * H, T', D / H]`: a multiple of 8 tokens.
    qkv: Tensor,
    /// `[B * H, T', T']`
    attention: Tensor,
    /// What the second linear layer got.
    gathered: Option<Tensor>,
    /// After the first half, f32.
    middle: Tensor,
    /// What GELU is applied to, without its bias, `[M, F]`.
    hidden: Tensor,
    /// What ends each half, for the factor it is multiplied with.
    ends: [Option<Tensor>; 2],
}

impl Saved {
    /// The shape of the rows.
    pub(super) fn rows(&self) -> &Shape {
        self.tokens.shape()
    }
}

impl Layer {
    pub(super) fn new(
        body: Body,
        to: DType,
        size: Size,
        weights: &TransformerWeights,
        form: &TransformerForm,
        kept: Option<&DirectGradients>,
    ) -> Result<Self> {
        let keep = match &form.keep {
            None => None,
            Some([first, second]) => {
                // One transfer for both.
                let both = [first.as_slice(), second].concat();
                let both = Tensor::from_vec(both, (2, first.len()), weights.norm1[0].device())?;
                Some([both.get(0)?, both.get(1)?])
            }
        };
        let linear = |weights| Linear::new(weights, to, kept);
        Ok(Self {
            body,
            to,
            weights: weights.clone(),
            epsilon: form.epsilon,
            split: size.heads.into(),
            linear: [linear(&weights.qkv)?, linear(&weights.out)?, linear(&weights.up)?, linear(&weights.down)?],
            keep,
        })
    }

    /// The factor that the attention's logits are multiplied with.
    fn attention_factor(&self) -> f32 {
        1.0 / (self.split.width() as f32).sqrt()
    }

    fn factor(&self, half: usize) -> Option<Tensor> {
        [&self.weights.scale1, &self.weights.scale2][half].as_ref().map(Tensor::detach)
    }

    /// What ends a half.
    fn ending<'a>(
        &'a self,
        half: usize,
        product: &'a Tensor,
        factor: Option<&'a Tensor>,
        before: &'a Tensor,
    ) -> Ending<'a> {
        let bias = &self.linear[[OUT, DOWN][half]].bias;
        let keep = self.keep.as_ref().map(|keep| &keep[half]);
        Ending { product, bias, factor, keep, before, rows_per_clip: self.split.n_tokens }
    }

    fn is_factor_trained(&self, half: usize) -> bool {
        [&self.weights.scale1, &self.weights.scale2][half].as_ref().is_some_and(Tensor::is_variable)
    }

    fn norms(&self) -> [[Tensor; 2]; 2] {
        [&self.weights.norm1, &self.weights.norm2].map(|norm| [norm[0].detach(), norm[1].detach()])
    }

    /// The tokens after the layer, f32, and what its backward pass needs, if that is to be kept.
    pub(super) fn forward(&self, tokens: &Tensor, is_kept: bool) -> Result<(Storage, Option<Saved>)> {
        let (body, split) = (self.body, self.split);
        let norms = self.norms();
        let [qkv_layer, out_layer, up_layer, down_layer] = &self.linear;

        let (normal1, moments1) = Norm::new(&norms[0], self.epsilon).forward(body, tokens, self.to)?;
        let qkv = split.split(body, &qkv_layer.forward(&normal1)?, Some(&qkv_layer.bias))?;
        let normal1 = (is_kept && qkv_layer.needs_input()).then_some(normal1);
        let [queries, keys, values] = [qkv.get(0)?, qkv.get(1)?, qkv.get(2)?];
        let attention = product(&queries, &keys.t()?)?;
        let attention = softmax_forward(body, &attention, split.n_tokens, self.attention_factor())?;
        let gathered = split.merge(body, &[&product(&attention, &values)?])?;
        let end1 = out_layer.forward(&gathered)?;
        let gathered = (is_kept && out_layer.needs_input()).then_some(gathered);

        let factor = self.factor(0);
        let half = self.ending(0, &end1, factor.as_ref(), tokens);
        let (middle, normal2, moments2) = Norm::new(&norms[1], self.epsilon).of_ending(body, &half)?;
        let end1 = (is_kept && self.is_factor_trained(0)).then_some(end1);
        let hidden = up_layer.forward(&normal2)?;
        let normal2 = (is_kept && up_layer.needs_input()).then_some(normal2);
        let end2 = down_layer.forward(&gelu_forward(body, &hidden, &up_layer.bias)?)?;
        let factor = self.factor(1);
        let out = add_up_storage(body, &self.ending(1, &end2, factor.as_ref(), &middle))?;
        let end2 = (is_kept && self.is_factor_trained(1)).then_some(end2);
        let saved = is_kept.then(|| Saved {
            tokens: tokens.clone(),
            moments: [moments1, moments2],
            normal: [normal1, normal2],
            qkv,
            attention,
            gathered,
            middle,
            hidden,
            ends: [end1, end2],
        });
        Ok((out, saved))
    }

    /// The gradient of what came in, if it is wanted, from that of what went out, both f32; those of the weights go to `to`.
    pub(super) fn backward(
        &self,
        saved: &Saved,
        gradient: &Tensor,
        is_wanted: bool,
        to: &DirectGradients,
    ) -> Result<Option<Tensor>> {
        let (body, split) = (self.body, self.split);
        let [norm1, norm2] = self.norms();
        let [qkv_layer, out_layer, up_layer, down_layer] = &self.linear;

        // The second half.
        let of_end = self.end_backward(1, gradient, saved, to)?;
        let of_activated = down_layer.backward(&of_end)?;
        let [of_hidden, activated, of_bias] = gelu_backward(body, &of_activated, &saved.hidden, &up_layer.bias)?;
        drop(of_activated);
        down_layer.gradients(Some(&activated), &of_end, to)?;
        drop((activated, of_end));
        up_layer.hand_over_bias(&of_bias, to)?;
        up_layer.gradients(saved.normal[1].as_ref(), &of_hidden, to)?;
        let of_normal = up_layer.backward(&of_hidden)?;
        drop(of_hidden);
        self.norm_gradients(&self.weights.norm2, &of_normal, &saved.middle, &saved.moments[1], to)?;
        let norm = Norm::new(&norm2, self.epsilon);
        let of_middle = norm.backward(body, &of_normal, &saved.middle, &saved.moments[1], gradient)?;

        // The first half.
        let of_end = self.end_backward(0, &of_middle, saved, to)?;
        out_layer.gradients(saved.gathered.as_ref(), &of_end, to)?;
        let is_norm_trained = self.weights.norm1.iter().any(Tensor::is_variable);
        if !(is_wanted || is_norm_trained || qkv_layer.needs_input() || qkv_layer.is_bias_trained()) {
            return Ok(None);
        }
        let of_gathered = split.split(body, &out_layer.backward(&of_end)?, None)?.squeeze(0)?;
        let [queries, keys, values] = [saved.qkv.get(0)?, saved.qkv.get(1)?, saved.qkv.get(2)?];
        let of_values = product(&saved.attention.t()?, &of_gathered)?;
        let of_attention = product(&of_gathered, &values.t()?)?;
        let of_pairs = softmax_backward(body, &of_attention, &saved.attention, self.attention_factor())?;
        drop((of_attention, of_gathered));
        let (of_queries, of_keys) = (product(&of_pairs, &keys)?, product(&of_pairs.t()?, &queries)?);
        let of_qkv = split.merge(body, &[&of_queries, &of_keys, &of_values])?;
        if qkv_layer.is_bias_trained() {
            qkv_layer.hand_over_bias(&column_sums(body, &of_qkv)?, to)?;
        }
        qkv_layer.gradients(saved.normal[0].as_ref(), &of_qkv, to)?;
        if !(is_wanted || is_norm_trained) {
            return Ok(None);
        }
        let of_normal = qkv_layer.backward(&of_qkv)?;
        self.norm_gradients(&self.weights.norm1, &of_normal, &saved.tokens, &saved.moments[0], to)?;
        if !is_wanted {
            return Ok(None);
        }
        let norm = Norm::new(&norm1, self.epsilon);
        Ok(Some(norm.backward(body, &of_normal, &saved.tokens, &saved.moments[0], &of_middle)?))
    }

    /// Back through the addition at a half's end, to its product.
    fn end_backward(&self, half: usize, gradient: &Tensor, saved: &Saved, to: &DirectGradients) -> Result<Tensor> {
        let layer = &self.linear[[OUT, DOWN][half]];
        let factor = self.factor(half);
        let scaled = Scaled {
            bias: &layer.bias,
            factor: factor.as_ref(),
            keep: self.keep.as_ref().map(|keep| &keep[half]),
            rows_per_clip: self.split.n_tokens,
        };
        let [of_end, of_bias, of_factor] =
            add_up_backward(self.body, gradient, saved.ends[half].as_ref(), &scaled, self.to)?;
        layer.hand_over_bias(&of_bias, to)?;
        if let Some(factor) = [&self.weights.scale1, &self.weights.scale2][half] {
            hand_over(factor, &of_factor, to)?;
        }
        Ok(of_end)
    }

    /// Hands over the gradients of a norm, if it is trained.
    fn norm_gradients(
        &self,
        norm: &[Tensor; 2],
        gradient: &Tensor,
        x: &Tensor,
        moments: &Moments,
        to: &DirectGradients,
    ) -> Result<()> {
        if !norm.iter().any(Tensor::is_variable) {
            return Ok(());
        }
        let gradients = Norm::gradients(self.body, gradient, x, moments)?;
        norm.iter().zip(&gradients).try_for_each(|(vector, gradient)| hand_over(vector, gradient, to))
    }
}
