use candle_core::Tensor;
use classifier::{Error, Init};

/// Zeroes a share of the values and scales the others so that the mean is unchanged. The mask depends on the seed only.
pub(crate) fn drop_out(embedding: &Tensor, share: f64, seed: u64) -> Result<Tensor, Error> {
    let draws = Init::Uniform { bound: 1.0 }.draw(embedding.elem_count(), seed, "head.dropout");
    let scale = (1.0 / (1.0 - share)) as f32;
    let mask = draws.into_iter().map(|draw| if f64::from(draw) < 2.0 * share - 1.0 { 0.0 } else { scale }).collect();
    Ok((embedding * Tensor::from_vec(mask, embedding.dims(), embedding.device())?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn dropout_keeps_the_mean_and_follows_the_seed() {
        let ones = Tensor::ones((100, 100), DType::F32, &Device::Cpu).unwrap();
        let values = |seed| drop_out(&ones, 0.25, seed).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let first = values(1);
        assert_eq!(first, values(1));
        assert_ne!(first, values(2));
        let dropped = first.iter().filter(|&&v| v == 0.0).count() as f64 / 1e4;
        assert!((dropped - 0.25).abs() < 0.02, "{dropped}");
        let mean = first.iter().sum::<f32>() / 1e4;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }
}
