//! Isomap: distance to the training rows along the surface on which they are.

use rand::seq::index::sample;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, at_least, check};
use crate::graph::Graph;
use crate::inputs::{Input, Known};
use crate::matrix::Matrix;
use crate::neighbors::nearest;
use crate::rows::Rows;
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// Settings of [`Isomap`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsomapConfig {
    /// Neighbors that each row is connected to, or all where there are fewer.
    #[serde(rename = "n_neighbours", alias = "n_neighbors")]
    pub n_neighbors: usize,
    /// Dimensions of the map, or all where the landmarks have fewer.
    pub n_components: usize,
    /// Landmarks: rows that path lengths are measured to, or all where there are fewer.
    pub n_landmarks: usize,
    /// Which neighbor's distance on the map is the score.
    pub k: usize,
    /// Seed of the choice of landmarks.
    pub seed: u64,
}

impl Default for IsomapConfig {
    fn default() -> Self {
        Self { n_neighbors: 10, n_components: 8, n_landmarks: 256, k: 5, seed: 0 }
    }
}

/// A map of the training rows on which distances approximate the lengths of shortest paths from neighbor to neighbor.
/// Other rows are mapped by their nearest training rows. Score: the distance on the map to the k-th nearest training row.
///
/// A row far from all training rows is mapped close to its nearest ones, so this detects far rows poorly. It is a
/// baseline that is measured beside the others.
///
/// Sources: Tenenbaum, de Silva and Langford (2000), "A Global Geometric Framework for Nonlinear Dimensionality
/// Reduction"; de Silva and Tenenbaum (2004), "Sparse multidimensional scaling using landmark points"; Bengio and others
/// (2003), "Out-of-Sample Extensions for LLE, Isomap, MDS, Eigenmaps, and Spectral Clustering".
#[derive(Debug, Clone, PartialEq)]
pub struct Isomap {
    config: IsomapConfig,
    n_columns: usize,
    /// `[N, D]`: the training rows.
    points: Vec<f32>,
    /// `[N, L]`: lengths of the shortest paths from training rows to landmarks.
    path_lengths: Vec<f32>,
    /// `[L]`: mean of the squared path lengths between landmarks.
    mean_squared: Vec<f32>,
    /// `[E, L]`: turns squared path lengths into coordinates.
    directions: Vec<f32>,
    /// `[N, E]`: coordinates of the training rows.
    coordinates: Vec<f32>,
}

impl Isomap {
    /// Maps the rows `[N, D]`.
    ///
    /// # Errors
    /// Fewer rows than `k` or three, a setting of 0, or rows that are all equal.
    pub fn fit(rows: Rows<'_>, config: &IsomapConfig) -> Result<Self> {
        for (setting, value) in [("n_neighbors", config.n_neighbors), ("n_components", config.n_components)] {
            check(value > 0, setting, "from 1", value)?;
        }
        check(config.n_landmarks > 2, "n_landmarks", "from 3", config.n_landmarks)?;
        check(config.k > 0, "k", "from 1", config.k)?;
        let n = rows.n_rows();
        at_least("training rows", config.k.max(3), n)?;
        let n_neighbors = config.n_neighbors.min(n - 1);
        let graph = Graph::of_neighbors(rows, n_neighbors);
        let n_landmarks = config.n_landmarks.min(n);
        let mut landmarks = sample(&mut generator(config.seed, Use::Landmarks, 0), n, n_landmarks).into_vec();
        landmarks.sort_unstable();
        let to_landmark: Vec<Vec<f64>> = landmarks.par_iter().map(|&landmark| graph.distances_from(landmark)).collect();
        let path_lengths: Vec<f32> =
            (0..n).flat_map(|row| to_landmark.iter().map(move |lengths| lengths[row] as f32)).collect();
        let (mean_squared, directions) = scale(&to_landmark, &landmarks, config.n_components)?;
        let config = IsomapConfig { n_neighbors, n_landmarks, ..config.clone() };
        let points = rows.values().to_vec();
        let n_columns = rows.n_columns();
        let coordinates = Vec::new();
        let mut isomap = Self { config, n_columns, points, path_lengths, mean_squared, directions, coordinates };
        isomap.coordinates = isomap.map(&isomap.path_lengths);
        Ok(isomap)
    }

    /// Coordinates `[M, E]` on the map of the rows `[M, D]`. Paths to the landmarks go through the nearest training rows.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn transform(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        rows.expect_columns(self.n_columns)?;
        let n_landmarks = self.config.n_landmarks;
        let neighbors = nearest(rows, Rows::trusted(&self.points, self.n_columns), self.config.n_neighbors);
        let mut path_lengths = vec![0f32; rows.n_rows() * n_landmarks];
        path_lengths.par_chunks_exact_mut(n_landmarks).enumerate().for_each(|(row, lengths)| {
            lengths.fill(f32::INFINITY);
            for (point, distance) in neighbors.of(row) {
                let onward = &self.path_lengths[point * n_landmarks..][..n_landmarks];
                let through = onward.iter().map(|&length| (distance + f64::from(length)) as f32);
                lengths.iter_mut().zip(through).for_each(|(length, through)| *length = length.min(through));
            }
        });
        Ok(self.map(&path_lengths))
    }

    /// Number of dimensions of the map, E.
    pub fn n_components(&self) -> usize {
        self.directions.len() / self.config.n_landmarks
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        let (coordinates, n_axes) = (self.transform(rows)?, self.n_components());
        let known = Rows::trusted(&self.coordinates, n_axes);
        Ok(nearest(Rows::trusted(&coordinates, n_axes), known, self.config.k).farthest())
    }

    /// Coordinates `[M, E]` of rows with these path lengths to the landmarks, `[M, L]`.
    fn map(&self, path_lengths: &[f32]) -> Vec<f32> {
        let mut squared = Matrix::from_f32(path_lengths, self.config.n_landmarks);
        for row in squared.values.chunks_exact_mut(self.config.n_landmarks) {
            row.iter_mut()
                .zip(&self.mean_squared)
                .for_each(|(length, &mean)| *length = *length * *length - f64::from(mean));
        }
        squared.times_transposed(&Matrix::from_f32(&self.directions, self.config.n_landmarks)).to_f32()
    }

    /// `points` `[N, D]`, `ways` `[N, L]` (path lengths), `mean_squared` `[L]`, `directions` `[E, L]`, `places` `[N, E]`
    /// (coordinates).
    pub fn to_tensors(&self) -> Stored {
        let (n_landmarks, n_axes) = (self.config.n_landmarks, self.n_components());
        let n = self.points.len() / self.n_columns;
        Stored::new(&self.config)
            .with("points", &[n, self.n_columns], self.points.clone())
            .with("ways", &[n, n_landmarks], self.path_lengths.clone())
            .with("mean_squared", &[n_landmarks], self.mean_squared.clone())
            .with("directions", &[n_axes, n_landmarks], self.directions.clone())
            .with("places", &[n, n_axes], self.coordinates.clone())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let config: IsomapConfig = stored.settings()?;
        let points = stored.tensor("points", &[None, None])?;
        let (n, n_columns) = (points.shape[0], points.shape[1]);
        check(config.n_neighbors > 0 && config.k > 0, "n_neighbors and k", "from 1", config.k)?;
        at_least("stored training rows", config.k.max(config.n_neighbors), n)?;
        let n_landmarks = Some(config.n_landmarks);
        let directions = stored.tensor("directions", &[None, n_landmarks])?;
        Ok(Self {
            n_columns,
            points: Rows::new(&points.values, n_columns)?.values().to_vec(),
            path_lengths: stored.values("ways", &[Some(n), n_landmarks])?,
            mean_squared: stored.values("mean_squared", &[n_landmarks])?,
            coordinates: stored.values("places", &[Some(n), Some(directions.shape[0])])?,
            directions: directions.values.clone(),
            config,
        })
    }
}

/// Classical scaling of the landmarks: the mean `[L]` of the squared path lengths to each, and the directions `[E, L]` that
/// turn the difference from it into coordinates.
fn scale(to_landmark: &[Vec<f64>], landmarks: &[usize], n_components: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let n = landmarks.len();
    let squared = |i: usize, j: usize| to_landmark[i][landmarks[j]].powi(2);
    let mean: Vec<f64> = (0..n).map(|i| (0..n).map(|j| squared(i, j)).sum::<f64>() / n as f64).collect();
    let overall = mean.iter().sum::<f64>() / n as f64;
    // Exactly symmetric, which two runs of Dijkstra are not.
    let product = |i: usize, j: usize| -0.5 * (0.5 * (squared(i, j) + squared(j, i)) - mean[i] - mean[j] + overall);
    let values = (0..n * n).map(|at| product(at / n, at % n)).collect();
    let what = "shortest paths between landmarks";
    let (values, vectors) = Matrix::new(n, n, values).eigen(what)?;
    let n_axes = values.iter().take(n_components).take_while(|&&value| value > values[0].max(0.0) * 1e-9).count();
    if n_axes == 0 {
        return Err(Error::Decomposition { what });
    }
    let directions = (0..n_axes).flat_map(|axis| {
        let factor = -0.5 / values[axis].sqrt();
        vectors.row(axis).iter().map(move |value| (factor * value) as f32)
    });
    Ok((mean.iter().map(|&value| value as f32).collect(), directions.collect()))
}

impl Declaration for Isomap {
    type Config = IsomapConfig;
    const DESCRIPTION: &'static str = "distance to the nearest training clip in Isomap's plane (baseline)";
    const NEEDS: &'static [Input] = &[Input::Embedding];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &IsomapConfig) -> Result<Self> {
        Self::fit(given.embedding()?, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three quarters of a circle.
    fn arc(n: usize, radius: f32) -> Vec<f32> {
        let angle = |i| i as f32 / n as f32 * 1.5 * std::f32::consts::PI;
        (0..n).flat_map(|i| [radius * angle(i).cos(), radius * angle(i).sin()]).collect()
    }

    #[test]
    fn an_arc_becomes_a_line() {
        let values = arc(200, 1.0);
        for n_landmarks in [40, 200] {
            let config = IsomapConfig { n_neighbors: 2, n_components: 1, n_landmarks, ..Default::default() };
            let isomap = Isomap::fit(Rows::new(&values, 2).unwrap(), &config).unwrap();
            let places = isomap.transform(Rows::new(&values, 2).unwrap()).unwrap();
            let step = 1.5 * std::f32::consts::PI / 200.0;
            for pair in places.windows(2) {
                assert!(((pair[1] - pair[0]).abs() - step).abs() < 0.05 * step, "{pair:?} {step}");
            }
        }
    }

    #[test]
    fn off_the_surface_or_beyond_its_end_scores_higher() {
        let values = arc(100, 1.0);
        let config = IsomapConfig { n_neighbors: 4, n_components: 2, ..Default::default() };
        let isomap = Isomap::fit(Rows::new(&values, 2).unwrap(), &config).unwrap();
        let scores = isomap.score(Rows::new(&[0.0, 1.0, 3.0, -3.0], 2).unwrap()).unwrap();
        assert!(scores[1] > scores[0], "{scores:?}");
    }
}
