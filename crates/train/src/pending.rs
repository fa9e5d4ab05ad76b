//! Steps whose loss has not been read yet. To read a number is to wait for the device, which meanwhile computes nothing.

use crate::Result;
use crate::optimizer::Norm;
use candle_core::Tensor;

/// A step that the device may still be at.
pub(crate) struct Pending {
    /// The mean loss of each part of the batch, and the part's share of the clips.
    pub(crate) losses: Vec<(Tensor, f64)>,
    pub(crate) norm: Norm,
    /// Rows of the batch.
    pub(crate) rows: Vec<usize>,
    /// Steps before it.
    pub(crate) step: u64,
    /// Its number in the epoch, from 1.
    pub(crate) number: usize,
}

/// Loss and gradient norm of each step.
///
/// # Errors
/// A device that cannot be read.
pub(crate) fn read(steps: &[Pending]) -> Result<Vec<(f64, f64)>> {
    let losses: Vec<Tensor> = steps.iter().flat_map(|step| step.losses.iter().map(|(loss, _)| loss.clone())).collect();
    let mut losses = Tensor::stack(&losses, 0)?.to_vec1::<f32>()?.into_iter();
    let squares = steps.iter().filter_map(|step| match &step.norm {
        Norm::Later(square) => Some(square.flatten_all()),
        Norm::Known(_) => None,
    });
    let squares = squares.collect::<candle_core::Result<Vec<Tensor>>>()?;
    let squares = if squares.is_empty() { Vec::new() } else { Tensor::cat(&squares, 0)?.to_vec1::<f64>()? };
    let mut squares = squares.into_iter();
    let one = |step: &Pending| {
        let loss = step.losses.iter().zip(&mut losses).map(|((_, share), loss)| f64::from(loss) * share).sum();
        let norm = match step.norm {
            Norm::Known(norm) => norm,
            Norm::Later(_) => squares.next().unwrap_or(f64::NAN).sqrt(),
        };
        (loss, norm)
    };
    Ok(steps.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn steps_are_read_in_their_order() {
        let loss = |value: f32| Tensor::new(value, &Device::Cpu).unwrap();
        let step = |losses, norm| Pending { losses, norm, rows: vec![0], step: 0, number: 1 };
        let later = |square: f64| Norm::Later(Tensor::new(&[[square]], &Device::Cpu).unwrap());
        let steps = [
            step(vec![(loss(2.0), 0.25), (loss(4.0), 0.75)], later(9.0)),
            step(vec![(loss(5.0), 1.0)], Norm::Known(0.5)),
            step(vec![(loss(f32::NAN), 1.0)], later(f64::INFINITY)),
        ];
        let read = read(&steps).unwrap();
        assert_eq!(read[..2], [(3.5, 3.0), (5.0, 0.5)]);
        assert!(read[2].0.is_nan() && read[2].1.is_infinite());
        assert_eq!(steps[0].norm.read().unwrap(), 3.0);
    }
}
