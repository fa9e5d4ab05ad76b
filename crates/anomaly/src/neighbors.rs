//! Exact nearest neighbors of rows among rows, by Euclidean distance.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::rows::Rows;

/// Queries of one task.
const BLOCK_QUERIES: usize = 64;

/// The k nearest of each query, the nearest first; of equals, the one that comes first among the points.
pub(crate) struct Neighbors {
    pub(crate) k: usize,
    /// `[N, k]`: indices of points.
    pub(crate) index: Vec<u32>,
    /// `[N, k]`: distances.
    pub(crate) distance: Vec<f64>,
}

impl Neighbors {
    /// Points and distances of one query.
    pub(crate) fn of(&self, query: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = query * self.k..(query + 1) * self.k;
        self.index[range.clone()].iter().map(|&i| i as usize).zip(self.distance[range].iter().copied())
    }

    /// Distance of each query to its k-th neighbor, `[N]`.
    pub(crate) fn farthest(&self) -> Vec<f64> {
        self.distance.chunks_exact(self.k).map(|distances| distances[self.k - 1]).collect()
    }
}

/// The `k` nearest `points` of each of the `queries`; there must be at least `k` points.
pub(crate) fn nearest(queries: Rows<'_>, points: Rows<'_>, k: usize) -> Neighbors {
    search(queries, points, k, false)
}

/// The `k` nearest other rows of each row.
pub(crate) fn nearest_others(rows: Rows<'_>, k: usize) -> Neighbors {
    search(rows, rows, k, true)
}

/// A product in f32 selects the points that can be among the nearest; these are then measured in f64. The margin is
/// several times the largest error of the product, so the result equals that of measuring all points in f64.
fn search(queries: Rows<'_>, points: Rows<'_>, k: usize, other: bool) -> Neighbors {
    debug_assert!(k + usize::from(other) <= points.n_rows());
    let point_norms: Vec<f32> = points.iter().map(squared_norm).collect();
    let largest_norm = point_norms.iter().copied().fold(0.0, f32::max);
    let margin_of = |norm: f32| 8.0 * f32::EPSILON * (points.n_columns() as f32).sqrt() * (norm + largest_norm);
    let n_blocks = queries.n_rows().div_ceil(BLOCK_QUERIES);
    let blocks: Vec<Vec<(u32, f64)>> = (0..n_blocks)
        .into_par_iter()
        .map_init(Vec::new, |products, block| {
            let start = block * BLOCK_QUERIES;
            let block = queries.range(start..(start + BLOCK_QUERIES).min(queries.n_rows()));
            multiply(block, points, products);
            let mut found = Vec::with_capacity(block.n_rows() * k);
            let mut order = Vec::new();
            for (i, query) in block.iter().enumerate() {
                let products = &mut products[i * points.n_rows()..(i + 1) * points.n_rows()];
                // The squared distance, without the term that is the same for all points.
                products.iter_mut().zip(&point_norms).for_each(|(product, norm)| *product = norm - 2.0 * *product);
                if other {
                    products[start + i] = f32::INFINITY;
                }
                order.clear();
                order.extend_from_slice(products);
                let (_, kth, _) = order.select_nth_unstable_by(k - 1, f32::total_cmp);
                let limit = *kth + margin_of(squared_norm(query));
                let near = products.iter().enumerate().filter(|(_, value)| **value <= limit);
                let mut near: Vec<(u32, f64)> =
                    near.map(|(point, _)| (point as u32, squared_distance(query, points.row(point)))).collect();
                near.sort_by(|(i, a), (j, b)| a.total_cmp(b).then(i.cmp(j)));
                found.extend(near.into_iter().take(k).map(|(point, squared)| (point, squared.sqrt())));
            }
            found
        })
        .collect();
    let (index, distance) = blocks.into_iter().flatten().unzip();
    Neighbors { k, index, distance }
}

/// `queries * pointsᵀ` into `products`, `[n_queries, n_points]`.
pub(crate) fn multiply(queries: Rows<'_>, points: Rows<'_>, products: &mut Vec<f32>) {
    products.resize(queries.n_rows() * points.n_rows(), 0.0);
    let out = MatMut::from_row_major_slice_mut(products, queries.n_rows(), points.n_rows());
    let left = MatRef::from_row_major_slice(queries.values(), queries.n_rows(), queries.n_columns());
    let right = MatRef::from_row_major_slice(points.values(), points.n_rows(), points.n_columns());
    matmul(out, Accum::Replace, left, right.transpose(), 1.0, Par::Seq);
}

fn squared_norm(row: &[f32]) -> f32 {
    row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() as f32
}

/// Summed in four lanes, which the compiler vectorizes.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    let (a_fours, a_rest) = a.as_chunks::<4>();
    let (b_fours, b_rest) = b.as_chunks::<4>();
    let mut lanes = [0.0f64; 4];
    for (a, b) in a_fours.iter().zip(b_fours) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (f64::from(a) - f64::from(b)).powi(2);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Use, generator};
    use rand::Rng;

    #[test]
    fn the_same_as_measuring_all() {
        let mut rng = generator(1, Use::Trees, 0);
        // Far from the origin, where differences of products are rough, and with ties.
        let values: Vec<f32> = (0..200 * 7).map(|_| 1000.0 + f32::from(rng.random_range(0..6u8))).collect();
        let rows = Rows::new(&values, 7).unwrap();
        let found = nearest_others(rows, 4);
        for (i, row) in rows.iter().enumerate() {
            let mut all: Vec<(f64, usize)> =
                (0..200).filter(|&j| j != i).map(|j| (squared_distance(row, rows.row(j)).sqrt(), j)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let expected: Vec<(usize, f64)> = all[..4].iter().map(|&(distance, j)| (j, distance)).collect();
            assert_eq!(found.of(i).collect::<Vec<_>>(), expected);
        }
        assert!(nearest(rows, rows, 1).farthest().iter().all(|&distance| distance == 0.0));
    }
}
