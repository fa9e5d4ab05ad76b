//! Extremely randomized trees: a classifier for small tables that needs no tuning and no scaling, and suits discrete values
//! (a sample rate) as well as continuous ones (a level).
//!
//! Geurts, Ernst, Wehenkel (2006), "Extremely randomized trees". Two things differ: every tree is grown on a bootstrap
//! sample of groups, since clips of one recording are one observation, and every class has the same weight.

use crate::random::{Purpose, generator};
use crate::table::Table;
use crate::truth::Truth;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use stats::Groups;

/// Settings of a forest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForestConfig {
    /// Number of trees.
    pub n_trees: usize,
    /// Fewest clips of a leaf.
    pub min_leaf: usize,
    /// Most splits from the root to a leaf.
    pub max_depth: usize,
    /// Most clips that a tree is grown on, which bounds the time on large sets.
    pub max_clips: usize,
}

impl Default for ForestConfig {
    fn default() -> Self {
        Self { n_trees: 150, min_leaf: 3, max_depth: 16, max_clips: 8192 }
    }
}

/// Fewest thresholds tried at a node, also with few columns.
const MIN_TRIES: usize = 6;

/// A fitted forest.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    trees: Vec<Tree>,
    n_classes: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Values up to the threshold go to node `left`, others to the node after it.
    Question { column: usize, threshold: f32, left: usize },
    /// Share of each class, `[n_classes]`.
    Leaf(Vec<f64>),
}

impl Forest {
    /// Grows a forest on the clips `rows` of `table`. Equal arguments give equal forests, whatever the number of threads.
    pub fn fit(table: &Table, truth: &Truth, rows: &[usize], config: &ForestConfig, seed: u64) -> Self {
        let mut totals = vec![0.0_f64; truth.n_classes()];
        rows.iter().for_each(|row| totals[truth.labels[*row]] += 1.0);
        let groups = Groups::from_names(&rows.iter().map(|row| truth.groups[*row]).collect::<Vec<_>>());
        let grow = |number: usize| {
            let mut random = generator(seed, Purpose::Tree, number as u64);
            let drawn = groups.resample(&mut random);
            let mut weights: Vec<(usize, f64)> = rows.iter().copied().zip(drawn).filter(|(_, n)| *n > 0.0).collect();
            thin(&mut weights, config.max_clips, &mut random);
            weights.iter_mut().for_each(|(row, weight)| *weight /= totals[truth.labels[*row]]);
            Grower { table, truth, config, random, nodes: Vec::new() }.grow(weights)
        };
        let trees = (0..config.n_trees).into_par_iter().map(grow).collect();
        Self { trees, n_classes: truth.n_classes() }
    }

    /// The probability of each class for one row of numbers, `[n_classes]`: the mean over the trees.
    pub fn probabilities(&self, row: &[f32]) -> Vec<f64> {
        let mut sum = vec![0.0; self.n_classes];
        for tree in &self.trees {
            sum.iter_mut().zip(tree.leaf(row)).for_each(|(sum, share)| *sum += share);
        }
        let n = self.trees.len().max(1) as f64;
        sum.iter_mut().for_each(|sum| *sum /= n);
        sum
    }
}

impl Tree {
    fn leaf(&self, row: &[f32]) -> &[f64] {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(shares) => return shares,
                Node::Question { column, threshold, left } => at = left + usize::from(row[*column] > *threshold),
            }
        }
    }
}

/// Leaves `n` of the rows with their weights, drawn without replacement, in their order.
fn thin(rows: &mut Vec<(usize, f64)>, n: usize, random: &mut ChaCha8Rng) {
    if rows.len() > n {
        for i in 0..n {
            let other = random.random_range(i..rows.len());
            rows.swap(i, other);
        }
        rows.truncate(n);
        rows.sort_unstable_by_key(|(row, _)| *row);
    }
}

/// A tree that is being grown.
struct Grower<'a> {
    table: &'a Table,
    truth: &'a Truth,
    config: &'a ForestConfig,
    random: ChaCha8Rng,
    nodes: Vec<Node>,
}

/// A threshold and how well it separates the classes.
struct Split {
    column: usize,
    threshold: f32,
    impurity: f64,
}

impl Grower<'_> {
    /// Grows the tree on (row, weight).
    fn grow(mut self, mut rows: Vec<(usize, f64)>) -> Tree {
        self.nodes.push(Node::Leaf(Vec::new()));
        let n = rows.len();
        let mut open = vec![(0, 0..n, 0)];
        while let Some((node, range, depth)) = open.pop() {
            let rows = &mut rows[range.clone()];
            let split = if depth < self.config.max_depth { self.best(rows) } else { None };
            let Some(Split { column, threshold, .. }) = split else {
                self.nodes[node] = Node::Leaf(self.shares(rows));
                continue;
            };
            let middle = range.start + partition(rows, |(row, _)| self.table.row(*row)[column] <= threshold);
            let left = self.nodes.len();
            self.nodes[node] = Node::Question { column, threshold, left };
            self.nodes.extend([Node::Leaf(Vec::new()), Node::Leaf(Vec::new())]);
            open.push((left, range.start..middle, depth + 1));
            open.push((left + 1, middle..range.end, depth + 1));
        }
        Tree { nodes: self.nodes }
    }

    /// The share of each class in the weights; equal shares where all weights are 0.
    fn shares(&self, rows: &[(usize, f64)]) -> Vec<f64> {
        let mut shares = vec![0.0; self.truth.n_classes()];
        rows.iter().for_each(|(row, weight)| shares[self.truth.labels[*row]] += weight);
        let sum: f64 = shares.iter().sum();
        let none = self.truth.chance();
        shares.iter_mut().for_each(|share| *share = if sum > 0.0 { *share / sum } else { none });
        shares
    }

    /// The best of some random thresholds on random columns; none where all rows are equal.
    fn best(&mut self, rows: &[(usize, f64)]) -> Option<Split> {
        let first = self.truth.labels[rows.first()?.0];
        let pure = rows.iter().all(|(row, _)| self.truth.labels[*row] == first);
        if pure || rows.len() < 2 * self.config.min_leaf {
            return None;
        }
        let n_columns = self.table.n_columns();
        let wanted = ((n_columns as f64).sqrt().ceil() as usize).max(MIN_TRIES);
        let mut columns: Vec<usize> = (0..n_columns).collect();
        let (mut tried, mut best) = (0, None::<Split>);
        // With more thresholds than columns, columns are used again.
        for i in 0..n_columns.max(wanted) {
            if tried == wanted {
                break;
            }
            let i = i % n_columns;
            let other = self.random.random_range(i..n_columns);
            columns.swap(i, other);
            let column = columns[i];
            let values = || rows.iter().map(|(row, _)| self.table.row(*row)[column]);
            let (low, high) = values().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if low >= high {
                continue;
            }
            tried += 1;
            // Below the highest value, so that both sides have a clip.
            let threshold = (low + self.random.random::<f32>() * (high - low)).max(low).min(high.next_down());
            if let Some(impurity) = self.impurity(rows, column, threshold)
                && best.as_ref().is_none_or(|best| impurity < best.impurity)
            {
                best = Some(Split { column, threshold, impurity });
            }
        }
        best
    }

    /// Gini impurity of both sides; none where a side has too few clips.
    fn impurity(&self, rows: &[(usize, f64)], column: usize, threshold: f32) -> Option<f64> {
        let n_classes = self.truth.n_classes();
        let mut sides = vec![0.0_f64; 2 * n_classes];
        let mut n_right = 0;
        for (row, weight) in rows {
            let right = usize::from(self.table.row(*row)[column] > threshold);
            sides[right * n_classes + self.truth.labels[*row]] += weight;
            n_right += right;
        }
        if n_right.min(rows.len() - n_right) < self.config.min_leaf {
            return None;
        }
        let gini = |side: &[f64]| {
            let sum: f64 = side.iter().sum();
            if sum > 0.0 { sum - side.iter().map(|weight| weight * weight).sum::<f64>() / sum } else { 0.0 }
        };
        Some(sides.chunks_exact(n_classes).map(gini).sum())
    }
}

/// Moves items that fulfill `left` to the front and returns their number.
fn partition<T>(items: &mut [T], left: impl Fn(&T) -> bool) -> usize {
    let mut n = 0;
    for i in 0..items.len() {
        if left(&items[i]) {
            items.swap(i, n);
            n += 1;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clips on a grid of two numbers; `label` says which class each is.
    fn grid(label: impl Fn(f32, f32) -> &'static str) -> (Table, Truth) {
        let points: Vec<(f32, f32)> = (0..400).map(|i| ((i % 20) as f32, (i / 20) as f32)).collect();
        let labels: Vec<&str> = points.iter().map(|(x, y)| label(*x, *y)).collect();
        let groups: Vec<String> = (0..400).map(|i| i.to_string()).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let table = Table::new(points.iter().flat_map(|(x, y)| [*x, *y]).collect(), 2).unwrap();
        (table, Truth::new(&labels, &groups).unwrap())
    }

    fn accuracy(table: &Table, truth: &Truth, seed: u64) -> f64 {
        let rows: Vec<usize> = (0..400).filter(|i| i % 3 != 0).collect();
        let forest = Forest::fit(table, truth, &rows, &ForestConfig::default(), seed);
        let held: Vec<usize> = (0..400).filter(|i| i % 3 == 0).collect();
        let right = held.iter().filter(|row| {
            let p = forest.probabilities(table.row(**row));
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            (p[1] > 0.5) == (truth.labels[**row] == 1)
        });
        right.count() as f64 / held.len() as f64
    }

    #[test]
    fn a_threshold_a_band_and_a_chessboard_are_learned() {
        let (table, truth) = grid(|x, _| if x > 7.5 { "a" } else { "b" });
        assert!(accuracy(&table, &truth, 0) > 0.97);
        let (table, truth) = grid(|x, _| if (6.0..14.0).contains(&x) { "a" } else { "b" });
        assert!(accuracy(&table, &truth, 0) > 0.95);
        let (table, truth) = grid(|x, y| if (x > 9.5) == (y > 9.5) { "a" } else { "b" });
        assert!(accuracy(&table, &truth, 0) > 0.93);
    }

    #[test]
    fn the_same_seed_is_the_same_forest_whatever_the_threads() {
        let (table, truth) = grid(|x, y| if x > y { "a" } else { "b" });
        let rows: Vec<usize> = (0..400).collect();
        let config = ForestConfig { n_trees: 8, ..ForestConfig::default() };
        let fit = |seed| Forest::fit(&table, &truth, &rows, &config, seed);
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(fit(1), alone.install(|| fit(1)));
        assert_ne!(fit(1), fit(2));
    }

    #[test]
    fn a_small_class_weighs_as_much_as_a_large_one() {
        // The column is uninformative: the mean probability is then that of the weights, not of the counts.
        let labels: Vec<&str> = (0..300).map(|i| if i % 10 == 0 { "rare" } else { "common" }).collect();
        let groups: Vec<String> = (0..300).map(|i| i.to_string()).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let truth = Truth::new(&labels, &groups).unwrap();
        let table = Table::new(vec![1.0; 300], 1).unwrap();
        let rows: Vec<usize> = (0..300).collect();
        let forest = Forest::fit(&table, &truth, &rows, &ForestConfig::default(), 0);
        let p = forest.probabilities(&[1.0]);
        assert!((p[0] - 0.5).abs() < 0.03, "{p:?}");
    }
}
