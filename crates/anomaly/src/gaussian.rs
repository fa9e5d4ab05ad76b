//! Gaussians with a shared covariance: rows are whitened and compared with the means of the classes.

use crate::covariance::{Covariance, Shrinkage, covariance};
use crate::error::Result;
use crate::matrix::{Matrix, mean_of, squared_distance};
use crate::rows::{Labels, Rows};
use crate::stored::Stored;

/// One Gaussian for each class, with a shared covariance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaussians {
    n_columns: usize,
    /// `[D]`: mean of all rows.
    center: Vec<f32>,
    /// `[D, D]`: whitens a row minus `center`.
    whitening: Vec<f32>,
    /// `[C, D]`: whitened means of the classes.
    means: Vec<f32>,
    /// Share of the covariance that was replaced by a multiple of the identity.
    pub(crate) shrinkage: f32,
}

impl Gaussians {
    /// The classes' means, and the covariance of the rows about them.
    pub(crate) fn of_classes(rows: Rows<'_>, labels: Labels<'_>, shrinkage: Shrinkage) -> Result<Self> {
        let parted = Parted::new(rows, labels)?;
        Self::new(&parted.center, &parted.means, covariance(&parted.within, shrinkage)?)
    }

    /// One Gaussian for all rows: its covariance is that about the classes' means, shrunk as in
    /// [`of_classes`](Self::of_classes), plus that of the means.
    pub(crate) fn of_all(rows: Rows<'_>, labels: Labels<'_>, shrinkage: Shrinkage) -> Result<Self> {
        let parted = Parted::new(rows, labels)?;
        let mut all = covariance(&parted.within, shrinkage)?;
        let mut between = parted.means.clone();
        let n_rows = rows.n_rows() as f64;
        for (mean, count) in between.values.chunks_exact_mut(rows.n_columns()).zip(labels.counts()) {
            mean.iter_mut().for_each(|value| *value *= (count as f64 / n_rows).sqrt());
        }
        all.matrix.values.iter_mut().zip(between.gram().values).for_each(|(value, between)| *value += between);
        let d = rows.n_columns();
        Self::new(&parted.center, &Matrix::new(1, d, vec![0.0; d]), all)
    }

    fn new(center: &[f64], means: &Matrix, covariance: Covariance) -> Result<Self> {
        let whitening = covariance.matrix.whitening("covariance of the training rows")?;
        Ok(Self {
            n_columns: center.len(),
            center: center.iter().map(|&value| value as f32).collect(),
            means: means.times_transposed(&whitening).to_f32(),
            whitening: whitening.to_f32(),
            shrinkage: covariance.share as f32,
        })
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Squared Mahalanobis distance of each row to the nearest mean, `[M]`.
    pub(crate) fn nearest(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        rows.expect_columns(self.n_columns)?;
        let center: Vec<f64> = self.center.iter().map(|&value| f64::from(value)).collect();
        let whitening = Matrix::from_f32(&self.whitening, self.n_columns);
        let means = Matrix::from_f32(&self.means, self.n_columns);
        let points = Matrix::centered(rows, &center).times_transposed(&whitening);
        let to_nearest = |row| {
            let distances = (0..means.n_rows).map(|class| squared_distance(points.row(row), means.row(class)));
            distances.fold(f64::INFINITY, f64::min)
        };
        Ok((0..points.n_rows).map(to_nearest).collect())
    }

    /// Adds `center` `[D]`, `whitening` `[D, D]`, `means` `[C, D]` and `shrinkage` `[1]`.
    pub(crate) fn store(&self, stored: Stored) -> Stored {
        let d = self.n_columns;
        stored
            .with("centre", &[d], self.center.clone())
            .with("whitening", &[d, d], self.whitening.clone())
            .with("means", &[self.means.len() / d, d], self.means.clone())
            .with("shrinkage", &[1], vec![self.shrinkage])
    }

    pub(crate) fn from_tensors(stored: &Stored) -> Result<Self> {
        let center = stored.values("centre", &[None])?;
        let d = center.len();
        Ok(Self {
            n_columns: d,
            whitening: stored.values("whitening", &[Some(d), Some(d)])?,
            means: stored.values("means", &[None, Some(d)])?,
            shrinkage: stored.values("shrinkage", &[Some(1)])?[0],
            center,
        })
    }
}

/// Rows decomposed into their mean, the classes' means about it, and the residuals.
struct Parted {
    /// `[D]`.
    center: Vec<f64>,
    /// `[C, D]`.
    means: Matrix,
    /// `[N, D]`.
    within: Matrix,
}

impl Parted {
    fn new(rows: Rows<'_>, labels: Labels<'_>) -> Result<Self> {
        rows.expect_rows("training rows for labels", labels.get().len())?;
        let (d, counts) = (rows.n_columns(), labels.counts());
        let center = mean_of(rows);
        let mut within = Matrix::centered(rows, &center);
        let mut means = vec![0.0; counts.len() * d];
        for (row, &label) in labels.get().iter().enumerate() {
            let mean = &mut means[label as usize * d..][..d];
            mean.iter_mut().zip(within.row(row)).for_each(|(mean, value)| *mean += value);
        }
        for (mean, &count) in means.chunks_exact_mut(d).zip(&counts) {
            mean.iter_mut().for_each(|mean| *mean /= count as f64);
        }
        for (row, &label) in within.values.chunks_exact_mut(d).zip(labels.get()) {
            let mean = &means[label as usize * d..][..d];
            row.iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
        }
        Ok(Self { center, means: Matrix::new(counts.len(), d, means), within })
    }
}
