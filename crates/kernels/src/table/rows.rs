//! Batch norm, ReLU and pooling, row by row.

use super::Table;
use crate::rows::{GradientSums, Normalize, OutputGradient, Statistics};
use crate::tile::panels_len;

impl Table {
    pub(crate) fn statistics(&self, mut a: Statistics<'_>) {
        let n_channels = a.sums.len() / 2;
        assert!(n_channels > 0 && a.sums.len() == 2 * n_channels && a.y.len().is_multiple_of(n_channels));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.statistics)(&mut a) }
    }

    pub(crate) fn normalize(&self, mut a: Normalize<'_>) {
        let n_channels = a.scale.len();
        let out_width = a.out.len() / n_channels;
        assert!(a.shift.len() == n_channels && a.out.len() == out_width * n_channels);
        assert!(out_width * a.pool[1] <= a.width && a.y.len() >= a.pool[0] * a.width * n_channels);
        assert!(a.residual.is_none_or(|residual| residual.len() >= a.y.len()));
        assert!(a.kept.as_ref().is_none_or(|k| k.codes.len() == a.out.len() && k.picked.len() == a.out.len()));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.normalize)(&mut a) }
    }

    pub(crate) fn gradient_sums(&self, mut a: GradientSums<'_>) {
        let n_channels = a.mean.len();
        assert!(a.inverse.len() == n_channels && a.sums.len() == 2 * n_channels);
        assert!(a.gradient.len().is_multiple_of(n_channels));
        assert!(a.codes.len() == a.gradient.len() && a.picked.len() == a.gradient.len());
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.gradient_sums)(&mut a) }
    }

    pub(crate) fn output_gradient(&self, mut a: OutputGradient<'_>) {
        let n_channels = a.factor.len();
        let width = a.y.len() / n_channels;
        assert!(a.offset.len() == n_channels && a.slope.len() == n_channels && a.y.len() == width * n_channels);
        assert!(a.lanes == self.lanes && a.first + width <= a.depth);
        assert!(a.panels.as_ref().is_none_or(|panels| panels.len() == panels_len(self.lanes, a.depth, n_channels)));
        assert!(a.dense_step >= n_channels && width > 0);
        assert!(a.dense.as_ref().is_none_or(|dense| dense.len() >= (width - 1) * a.dense_step + n_channels));
        assert!(a.residual.as_ref().is_none_or(|residual| residual.len() >= a.y.len()));
        assert!(a.pooled.is_none_or(|(gradient, codes)| {
            gradient.len() == codes.len() && gradient.len() / n_channels * a.pool_width <= width
        }));
        // SAFETY: lengths are checked, and `of` has checked the processor.
        unsafe { (self.output_gradient)(&mut a) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{numbers, packed};
    use super::*;
    use crate::Path;

    #[test]
    fn rows_are_exact_on_every_path() {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            let table = Table::of(path);
            for (n_channels, width) in [(1, 1), (3, 5), (8, 4), (19, 7), (33, 3)] {
                let y = numbers(width * n_channels, 5);
                let mut sums = vec![0.0; 2 * n_channels];
                table.statistics(Statistics { y: &y, sums: &mut sums });
                let (gradient, codes) = (numbers(y.len(), 4), vec![0; y.len()]);
                let (zeros, ones) = (vec![0.0; n_channels], vec![1.0; n_channels]);
                let (mut dense, mut residual) = (vec![0.0; y.len()], vec![0.0; y.len()]);
                let mut panels = vec![0.0; panels_len(table.lanes, width, n_channels)];
                table.output_gradient(OutputGradient {
                    y: &y,
                    pooled: Some((&gradient, &codes)),
                    row_in_pool: 0,
                    pool_width: 1,
                    factor: &ones,
                    offset: &zeros,
                    slope: &ones,
                    dense: Some(&mut dense),
                    dense_step: n_channels,
                    panels: Some(&mut panels),
                    depth: width,
                    first: 0,
                    residual: Some(&mut residual),
                    lanes: table.lanes,
                });
                for channel in 0..n_channels {
                    let column = || (0..width).map(|pixel| y[pixel * n_channels + channel]);
                    assert_eq!(sums[channel], column().sum::<f32>());
                    assert_eq!(sums[n_channels + channel], column().map(|v| v * v).sum::<f32>());
                }
                let expected: Vec<f32> = y.iter().zip(&gradient).map(|(y, gradient)| y + gradient).collect();
                assert_eq!(dense, expected);
                assert_eq!(residual, gradient);
                let mut expected = packed(table.lanes, width, n_channels, &expected);
                // Values beside the channels are never read.
                expected.iter_mut().zip(&panels).filter(|(e, _)| **e == 0.0).for_each(|(e, p)| *e = *p);
                assert_eq!(panels, expected);
            }
        }
    }
}
