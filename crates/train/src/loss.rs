//! Cross entropy with soft targets.

use candle_core::{D, Result, Tensor};

/// Logits divided by their norm and a temperature.
///
/// # Shapes
/// `logits`: `[B, C]`, and so is the result.
///
/// # Errors
/// An operation that the device does not support.
pub(crate) fn normalized_logits(logits: &Tensor, temperature: f64) -> Result<Tensor> {
    let length = (logits.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?; // [B, 1]
    logits.broadcast_div(&(length * temperature)?)
}

/// The mean cross entropy per clip, a scalar.
///
/// Composed of operations whose backward pass candle has. The row's largest logit is subtracted as a constant: it cancels
/// in the value and in the gradient, and a gradient through it would only add rounding.
///
/// # Shapes
/// `logits`: `[B, C]`. `targets`: `[B, C]`, each row adding up to 1.
///
/// # Errors
/// Shapes that differ.
pub fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let largest = logits.detach().max_keepdim(D::Minus1)?; // [B, 1]
    let shifted = logits.broadcast_sub(&largest)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?; // [B, 1]
    let log_probability = shifted.broadcast_sub(&log_sum)?;
    let n_clips = logits.dim(0)?;
    (targets * log_probability)?.sum_all()? * (-1.0 / n_clips as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn value_and_gradient_by_hand() {
        let logits = Var::new(&[[2.0_f32, 0.0, -1.0], [0.5, 0.5, 0.5]], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[[1.0_f32, 0.0, 0.0], [0.2, 0.3, 0.5]], &Device::Cpu).unwrap();
        let loss = soft_cross_entropy(&logits, &targets).unwrap();
        // Row 1: log(e^2 + 1 + e^-1) - 2; row 2: log 3 whatever the targets.
        let expected = ((2.0_f64.exp() + 1.0 + (-1.0_f64).exp()).ln() - 2.0 + 3.0_f64.ln()) / 2.0;
        assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - expected).abs() < 1e-6);
        let gradient = loss.backward().unwrap().get(&logits).unwrap().to_vec2::<f32>().unwrap();
        let sum = 2.0_f64.exp() + 1.0 + (-1.0_f64).exp();
        let rows = [
            [(2.0_f64.exp() / sum - 1.0) / 2.0, 1.0 / sum / 2.0, (-1.0_f64).exp() / sum / 2.0],
            [(1.0 / 3.0 - 0.2) / 2.0, (1.0 / 3.0 - 0.3) / 2.0, (1.0 / 3.0 - 0.5) / 2.0],
        ];
        for (got, expected) in gradient.iter().flatten().zip(rows.iter().flatten()) {
            assert!((f64::from(*got) - expected).abs() < 1e-6, "{got} {expected}");
        }
    }

    #[test]
    fn longer_logits_are_no_surer_once_normalized() {
        let logits = Tensor::new(&[[3.0_f32, 4.0], [30.0, 40.0], [0.0, 0.0]], &Device::Cpu).unwrap();
        let rows = normalized_logits(&logits, 0.5).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(rows, [[1.2, 1.6], [1.2, 1.6], [0.0, 0.0]]);
    }

    #[test]
    fn large_logits_stay_finite() {
        let logits = Tensor::new(&[[1e4_f32, -1e4]], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[[0.0_f32, 1.0]], &Device::Cpu).unwrap();
        assert_eq!(soft_cross_entropy(&logits, &targets).unwrap().to_scalar::<f32>().unwrap(), 2e4);
    }
}
