//! Nearest neighbors of clips: rows are standardized and reduced to their principal components.

use crate::random::{Purpose, generator};
use crate::table::Table;
use rand::Rng;
use rayon::prelude::*;

/// Most rows that the components are computed from; they change little with more.
const MAX_ROWS: usize = 4096;

/// Iterations; each reduces the error by the ratio of neighboring variances.
const N_ROUNDS: usize = 30;

/// The nearest other rows of each row with their distances, nearest first, `[n_rows][k]`; fewer where there are fewer.
///
/// Columns are standardized, then reduced to the `n_directions` of largest variance.
pub(crate) fn nearest(table: &Table, n_directions: usize, k: usize) -> Vec<Vec<(usize, f32)>> {
    let reduced = reduce(&standardize(table), table.n_columns(), n_directions);
    let dim = reduced.len() / table.n_rows().max(1);
    let row = |i: usize| &reduced[i * dim..(i + 1) * dim];
    let of = |i: usize| {
        let squared = |j: usize| row(i).iter().zip(row(j)).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut others: Vec<(usize, f32)> = (0..table.n_rows()).filter(|j| *j != i).map(|j| (j, squared(j))).collect();
        let closer = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0));
        if others.len() > k {
            others.select_nth_unstable_by(k, closer);
            others.truncate(k);
        }
        others.sort_by(closer);
        others.into_iter().map(|(j, squared)| (j, squared.sqrt())).collect()
    };
    (0..table.n_rows()).into_par_iter().map(of).collect()
}

/// Columns of mean 0 and standard deviation 1, `[n_rows, n_columns]`; a constant column is 0.
fn standardize(table: &Table) -> Vec<f32> {
    let (n_rows, n_columns) = (table.n_rows(), table.n_columns());
    let (mut mean, mut square) = (vec![0.0_f64; n_columns], vec![0.0_f64; n_columns]);
    for row in 0..n_rows {
        table.row(row).iter().zip(&mut mean).for_each(|(value, mean)| *mean += f64::from(*value));
    }
    mean.iter_mut().for_each(|mean| *mean /= n_rows.max(1) as f64);
    for row in 0..n_rows {
        let values = table.row(row).iter().zip(&mean).zip(&mut square);
        values.for_each(|((value, mean), square)| *square += (f64::from(*value) - mean).powi(2));
    }
    let scale: Vec<f64> = square.iter().map(|square| (square / n_rows.max(1) as f64).sqrt()).collect();
    let scaled = |(i, value): (usize, &f32)| {
        if scale[i] > 1e-9 { ((f64::from(*value) - mean[i]) / scale[i]) as f32 } else { 0.0 }
    };
    (0..n_rows).flat_map(|row| table.row(row).iter().enumerate().map(scaled)).collect()
}

/// Coordinates along the directions of largest variance, `[n_rows, n_directions]`; unchanged where there are no more
/// columns than that. By orthogonal iteration: directions are multiplied by the covariance and orthogonalized again.
fn reduce(rows: &[f32], n_columns: usize, n_directions: usize) -> Vec<f32> {
    if n_columns <= n_directions {
        return rows.to_vec();
    }
    let n_rows = rows.len() / n_columns;
    let every = n_rows.div_ceil(MAX_ROWS).max(1);
    let used: Vec<&[f32]> = rows.chunks_exact(n_columns).step_by(every).collect();
    let covariance = covariance(&used, n_columns);
    let mut random = generator(0, Purpose::Directions, 0);
    let mut directions: Vec<Vec<f64>> =
        (0..n_directions).map(|_| (0..n_columns).map(|_| random.random::<f64>() - 0.5).collect()).collect();
    orthogonalize(&mut directions);
    for _ in 0..N_ROUNDS {
        directions = directions
            .into_par_iter()
            .map(|direction| covariance.chunks_exact(n_columns).map(|row| dot(row, &direction)).collect())
            .collect();
        orthogonalize(&mut directions);
    }
    let along = |row: &[f32]| -> Vec<f32> {
        let row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
        directions.iter().map(|direction| dot(&row, direction) as f32).collect()
    };
    rows.par_chunks_exact(n_columns).flat_map_iter(along).collect()
}

/// `[n_columns, n_columns]`, of rows whose mean is 0.
fn covariance(rows: &[&[f32]], n_columns: usize) -> Vec<f64> {
    let of = |i: usize| {
        let mut sums = vec![0.0_f64; n_columns];
        for row in rows {
            let value = f64::from(row[i]);
            sums.iter_mut().zip(*row).for_each(|(sum, other)| *sum += value * f64::from(*other));
        }
        sums
    };
    (0..n_columns).into_par_iter().flat_map_iter(of).collect()
}

/// Makes the directions orthogonal and of length 1, each in turn (Gram and Schmidt).
fn orthogonalize(directions: &mut [Vec<f64>]) {
    for i in 0..directions.len() {
        let (before, rest) = directions.split_at_mut(i);
        let direction = &mut rest[0];
        for other in before.iter() {
            let share = dot(direction, other);
            direction.iter_mut().zip(other).for_each(|(value, other)| *value -= share * other);
        }
        let length = dot(direction, direction).sqrt();
        // A direction without variance stays near 0 and adds nothing to a distance.
        if length > 1e-12 {
            direction.iter_mut().for_each(|value| *value /= length);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first() {
        let table = Table::new(vec![0.0, 10.0, 1.0, 12.0, 100.0], 1).unwrap();
        let found: Vec<Vec<usize>> =
            nearest(&table, 4, 2).into_iter().map(|row| row.into_iter().map(|(j, _)| j).collect()).collect();
        assert_eq!(found, [vec![2, 1], vec![3, 2], vec![0, 1], vec![1, 2], vec![3, 1]]);
    }

    #[test]
    fn few_directions_keep_what_varies_together() {
        // Thirty columns that all follow one number, and a little of their own each.
        let noise = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 1000.0 - 0.5;
        let values = (0..40).flat_map(|row| (0..30).map(move |c| row as f32 + 0.1 * noise(row * 30 + c))).collect();
        let table = Table::new(values, 30).unwrap();
        for (row, found) in nearest(&table, 2, 1).into_iter().enumerate() {
            assert!(found[0].0.abs_diff(row) == 1, "{row}: {found:?}");
        }
    }

    #[test]
    fn directions_are_those_of_greatest_variance() {
        // Standardized columns: two that agree and one apart, so that the first direction is that of the two.
        let rows: Vec<f32> =
            (0..64).flat_map(|i| [(i % 8) as f32 - 3.5, (i % 8) as f32 - 3.5, (i / 8) as f32 - 3.5]).collect();
        let along = reduce(&rows, 3, 1);
        for (row, value) in rows.chunks_exact(3).zip(along) {
            assert!((value.abs() - row[0].abs() * 2.0_f32.sqrt()).abs() < 1e-3, "{row:?} {value}");
        }
    }
}
