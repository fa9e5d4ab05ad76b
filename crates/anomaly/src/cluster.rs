//! Clusters of similar unknown sounds.

use rand::seq::index::sample;
use rayon::prelude::*;

use crate::error::{Result, at_least, check};
use crate::rows::Rows;
use crate::seed::{Use, generator};

/// Most rows that are compared pair by pair. Of more rows this many are drawn; the others join the nearest medoid.
const MOST_PAIRED: usize = 2000;
/// Most clusters where their number is not given.
const MOST_CLUSTERS: usize = 12;
/// Below this mean silhouette all rows are one cluster.
const LEAST_SILHOUETTE: f64 = 0.1;

/// Clusters of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// `[N]`: the cluster of each row; the largest cluster is 0.
    pub of_row: Vec<usize>,
    /// The medoid of each cluster, `[K]`: the row that is nearest to its others.
    pub medoids: Vec<usize>,
    /// Mean silhouette: 1 where clusters are far apart, 0 where they overlap; 0 for one cluster.
    pub silhouette: f64,
}

/// Clusters the rows `[N, D]` by the angle between them: average linkage (Sokal and Michener, 1958), computed by chains of
/// nearest neighbors and cut into `n_clusters`, or into the number with the best mean silhouette (Rousseeuw, 1987).
///
/// # Errors
/// No rows, or no clusters.
#[tracing::instrument(level = "debug", skip_all, fields(n_rows = rows.n_rows()))]
pub fn cluster(rows: Rows<'_>, n_clusters: Option<usize>) -> Result<Clusters> {
    let n = rows.n_rows();
    at_least("rows to cluster", 1, n)?;
    if let Some(wanted) = n_clusters {
        check(wanted > 0, "n_clusters", "from 1", wanted)?;
    }
    let unit = rows.normalized();
    let d = rows.n_columns();
    // Drawn at random: every third row of data with a period of three would all be of one kind.
    let mut paired = sample(&mut generator(0, Use::Landmarks, 0), n, n.min(MOST_PAIRED)).into_vec();
    paired.sort_unstable();
    let row = |at: usize| &unit[at * d..(at + 1) * d];
    let distances = Distances::of(&paired.iter().map(|&at| row(at)).collect::<Vec<_>>());
    let merges = merges(distances.clone());
    let (labels, silhouette) = match n_clusters {
        Some(wanted) => {
            let labels = cut(&merges, paired.len(), wanted);
            let silhouette = distances.silhouette(&labels);
            (labels, silhouette)
        }
        None => {
            let tried = (2..=MOST_CLUSTERS.min(paired.len().saturating_sub(1))).map(|k| {
                let labels = cut(&merges, paired.len(), k);
                let silhouette = distances.silhouette(&labels);
                (labels, silhouette)
            });
            let one = (vec![0; paired.len()], 0.0);
            tried.fold(one, |best, next| if next.1 > f64::max(best.1, LEAST_SILHOUETTE) { next } else { best })
        }
    };
    let n_found = labels.iter().max().map_or(1, |most| most + 1);
    let medoids: Vec<usize> = (0..n_found).map(|label| paired[distances.medoid(&labels, label)]).collect();
    let mut of_row = vec![usize::MAX; n];
    paired.iter().zip(&labels).for_each(|(&at, &label)| of_row[at] = label);
    for (at, label) in of_row.iter_mut().enumerate().filter(|(_, label)| **label == usize::MAX) {
        let likeness = |label: &usize| dot(row(at), row(medoids[*label]));
        *label = (0..n_found).max_by(|a, b| likeness(a).total_cmp(&likeness(b)).then(b.cmp(a))).unwrap_or(0);
    }
    let mut sizes = vec![0usize; n_found];
    of_row.iter().for_each(|&label| sizes[label] += 1);
    let mut order: Vec<usize> = (0..n_found).collect();
    order.sort_by_key(|&label| (std::cmp::Reverse(sizes[label]), medoids[label]));
    let mut renamed = vec![0; n_found];
    order.iter().enumerate().for_each(|(new, &old)| renamed[old] = new);
    of_row.iter_mut().for_each(|label| *label = renamed[*label]);
    Ok(Clusters { of_row, medoids: order.into_iter().map(|old| medoids[old]).collect(), silhouette })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One minus the cosine of the angle, for every pair.
#[derive(Clone)]
struct Distances {
    n: usize,
    /// `[N, N]`.
    values: Vec<f32>,
}

impl Distances {
    fn of(rows: &[&[f32]]) -> Self {
        let n = rows.len();
        let of_row = |a: usize| (0..n).map(move |b| if a == b { 0.0 } else { (1.0 - dot(rows[a], rows[b])).max(0.0) });
        Self { n, values: (0..n).into_par_iter().flat_map_iter(of_row).collect() }
    }

    fn row(&self, a: usize) -> &[f32] {
        &self.values[a * self.n..(a + 1) * self.n]
    }

    /// The member of a cluster with the smallest sum of distances to the others.
    fn medoid(&self, labels: &[usize], label: usize) -> usize {
        let members: Vec<usize> = (0..self.n).filter(|&at| labels[at] == label).collect();
        let sum = |&at: &usize| members.iter().map(|&other| f64::from(self.row(at)[other])).sum::<f64>();
        members.iter().copied().min_by(|a, b| sum(a).total_cmp(&sum(b)).then(a.cmp(b))).unwrap_or(0)
    }

    fn silhouette(&self, labels: &[usize]) -> f64 {
        let n_clusters = labels.iter().max().map_or(0, |most| most + 1);
        if n_clusters < 2 {
            return 0.0;
        }
        let mut sizes = vec![0usize; n_clusters];
        labels.iter().for_each(|&label| sizes[label] += 1);
        let of_row = |at: usize| {
            if sizes[labels[at]] == 1 {
                return 0.0;
            }
            let mut sums = vec![0.0; n_clusters];
            self.row(at).iter().zip(labels).for_each(|(&distance, &label)| sums[label] += f64::from(distance));
            let own = sums[labels[at]] / (sizes[labels[at]] - 1) as f64;
            let others =
                (0..n_clusters).filter(|&label| label != labels[at]).map(|label| sums[label] / sizes[label] as f64);
            let nearest = others.fold(f64::INFINITY, f64::min);
            (nearest - own) / nearest.max(own).max(1e-12)
        };
        let all: Vec<f64> = (0..self.n).into_par_iter().map(of_row).collect();
        all.iter().sum::<f64>() / self.n as f64
    }
}

/// All merges of average linkage: a row of each side, and their distance.
fn merges(mut distances: Distances) -> Vec<(usize, usize, f32)> {
    let n = distances.n;
    let mut sizes = vec![1f32; n];
    let mut is_there = vec![true; n];
    let mut merges = Vec::with_capacity(n.saturating_sub(1));
    let mut chain: Vec<usize> = Vec::new();
    while merges.len() + 1 < n {
        if chain.is_empty() {
            chain.extend((0..n).find(|&at| is_there[at]));
        }
        let last = chain[chain.len() - 1];
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        // Of several at the same distance the previous one in the chain, so that the chain ends.
        let mut nearest = before.map(|at| (at, distances.row(last)[at]));
        for (at, &distance) in distances.row(last).iter().enumerate() {
            if at != last && is_there[at] && nearest.is_none_or(|(_, least)| distance < least) {
                nearest = Some((at, distance));
            }
        }
        let Some((next, distance)) = nearest else { break };
        if Some(next) != before {
            chain.push(next);
            continue;
        }
        chain.truncate(chain.len() - 2);
        merges.push((last, next, distance));
        // The merged cluster is kept in `next`.
        let (a, b) = (sizes[last], sizes[next]);
        for (at, _) in is_there.iter().enumerate().filter(|(at, there)| **there && *at != last && *at != next) {
            let mean = (a * distances.values[last * n + at] + b * distances.values[next * n + at]) / (a + b);
            distances.values[next * n + at] = mean;
            distances.values[at * n + next] = mean;
        }
        sizes[next] = a + b;
        is_there[last] = false;
    }
    merges.sort_by(|a, b| a.2.total_cmp(&b.2));
    merges
}

/// Applies the nearest merges until so many clusters are left, and numbers these by their first rows.
fn cut(merges: &[(usize, usize, f32)], n: usize, n_clusters: usize) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..n).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for &(a, b, _) in &merges[..n.saturating_sub(n_clusters).min(merges.len())] {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        parent[a.max(b)] = a.min(b);
    }
    let mut numbers = std::collections::BTreeMap::new();
    (0..n)
        .map(|at| {
            let root = root(&mut parent, at);
            let next = numbers.len();
            *numbers.entry(root).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows along three directions, 9, 6 and 3 of them.
    fn three() -> Vec<f32> {
        let row = |i: usize| {
            let small = 0.05 * ((i * 37) % 11) as f32 / 11.0;
            match i % 6 {
                0 | 2 | 4 => [1.0, small, 0.0],
                1 | 3 => [small, 1.0, 0.1 * small],
                _ => [0.0, small, 1.0],
            }
        };
        (0..18).flat_map(row).collect()
    }

    #[test]
    fn what_lies_along_one_direction_is_together_and_the_largest_is_first() {
        let values = three();
        let rows = Rows::new(&values, 3).unwrap();
        let clusters = cluster(rows, None).unwrap();
        let expected: Vec<usize> = (0..18).map(|i| [0, 1, 0, 1, 0, 2][i % 6]).collect();
        assert_eq!(clusters.of_row, expected);
        assert!(clusters.silhouette > 0.9, "{}", clusters.silhouette);
        assert!(clusters.medoids.iter().enumerate().all(|(label, &row)| clusters.of_row[row] == label));
        let two = cluster(rows, Some(2)).unwrap();
        assert_eq!(two.of_row.iter().max(), Some(&1));
        assert_eq!(cluster(rows, Some(99)).unwrap().medoids.len(), 18);
        assert!(cluster(rows, Some(0)).is_err());
    }

    #[test]
    fn one_row_and_equal_rows_are_one_cluster() {
        assert_eq!(cluster(Rows::new(&[1.0, 2.0], 2).unwrap(), None).unwrap().of_row, [0]);
        let same = [1.0f32, 2.0].repeat(5);
        assert_eq!(cluster(Rows::new(&same, 2).unwrap(), None).unwrap().of_row, [0; 5]);
        assert!(cluster(Rows::new(&[], 2).unwrap(), None).is_err());
    }

    #[test]
    fn rows_beyond_those_that_are_paired_go_to_the_nearest_medoid() {
        let values: Vec<f32> = (0..5000).flat_map(|i| if i % 3 == 0 { [1.0, 0.01] } else { [0.02, 1.0] }).collect();
        let clusters = cluster(Rows::new(&values, 2).unwrap(), None).unwrap();
        assert!((0..5000).all(|i| clusters.of_row[i] == usize::from(i % 3 == 0)));
    }
}
