//! Isolation forest: how few random cuts isolate a row from the training rows.

use rand::Rng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, at_least, check};
use crate::inputs::{Input, Known};
use crate::rows::Rows;
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// Settings of [`IsolationForest`]; the defaults are the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsolationForestConfig {
    /// Number of trees.
    pub n_trees: usize,
    /// Rows that each tree is grown on, or all where there are fewer.
    pub n_rows_per_tree: usize,
    /// Seed of the drawn rows and cuts.
    pub seed: u64,
}

impl Default for IsolationForestConfig {
    fn default() -> Self {
        Self { n_trees: 100, n_rows_per_tree: 256, seed: 0 }
    }
}

/// Trees of random cuts. Score: `2^(-mean depth / expected depth)`, 0 to 1, about 0.5 for a row like the others.
///
/// Source: Liu, Ting and Zhou (2008), "Isolation Forest".
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForest {
    config: IsolationForestConfig,
    n_columns: usize,
    trees: Vec<Vec<Node>>,
}

/// An inner node, or a leaf with `left` 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    column: u32,
    /// Values up to this go to `left`, others to `left + 1`. In a leaf, the depth of its rows.
    cut: f32,
    left: u32,
}

impl IsolationForest {
    /// Grows the trees on the rows `[N, D]`.
    ///
    /// # Errors
    /// No trees, or fewer than two rows.
    pub fn fit(rows: Rows<'_>, config: &IsolationForestConfig) -> Result<Self> {
        check(config.n_trees > 0, "n_trees", "from 1", config.n_trees)?;
        check(config.n_rows_per_tree > 1, "n_rows_per_tree", "from 2", config.n_rows_per_tree)?;
        at_least("training rows", 2, rows.n_rows())?;
        let n = config.n_rows_per_tree.min(rows.n_rows());
        let grow = |tree| {
            let mut rng = generator(config.seed, Use::Trees, tree);
            let mut chosen = sample(&mut rng, rows.n_rows(), n).into_vec();
            let deepest = (n as f64).log2().ceil() as usize;
            let mut nodes = vec![Node { column: 0, cut: 0.0, left: 0 }];
            split(rows, &mut chosen, 0, 0, deepest, &mut nodes, &mut rng);
            nodes
        };
        let trees = (0..config.n_trees).into_par_iter().map(grow).collect();
        let config = IsolationForestConfig { n_rows_per_tree: n, ..config.clone() };
        Ok(Self { config, n_columns: rows.n_columns(), trees })
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        rows.expect_columns(self.n_columns)?;
        let expected = mean_path(self.config.n_rows_per_tree);
        let score = |row: usize| {
            let depth: f64 = self.trees.iter().map(|tree| depth(tree, rows.row(row))).sum();
            (-depth / self.trees.len() as f64 / expected).exp2()
        };
        Ok((0..rows.n_rows()).into_par_iter().map(score).collect())
    }

    /// `nodes` `[nodes of all trees, 3]` (column, cut, left child; 0 for none), `n_nodes` `[trees]`, `n_columns` `[1]`.
    pub fn to_tensors(&self) -> Stored {
        let nodes = self.trees.iter().flatten();
        let nodes: Vec<f32> = nodes.flat_map(|node| [node.column as f32, node.cut, node.left as f32]).collect();
        Stored::new(&self.config)
            .with("nodes", &[nodes.len() / 3, 3], nodes)
            .with("n_nodes", &[self.trees.len()], self.trees.iter().map(|tree| tree.len() as f32).collect())
            .with("n_columns", &[1], vec![self.n_columns as f32])
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong, or trees with invalid children.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let config: IsolationForestConfig = stored.settings()?;
        check(config.n_rows_per_tree > 1, "n_rows_per_tree", "from 2", config.n_rows_per_tree)?;
        let n_columns = stored.values("n_columns", &[Some(1)])?[0] as usize;
        let nodes = stored.values("nodes", &[None, Some(3)])?;
        let mut nodes =
            nodes.chunks_exact(3).map(|node| Node { column: node[0] as u32, cut: node[1], left: node[2] as u32 });
        let n_nodes = stored.values("n_nodes", &[Some(config.n_trees)])?;
        let trees: Vec<Vec<Node>> = n_nodes.iter().map(|&n| nodes.by_ref().take(n as usize).collect()).collect();
        // Children come after their parent, so every path ends.
        let leads = |tree: &Vec<Node>| {
            let fine = |(at, node): (usize, &Node)| {
                let left = node.left as usize;
                left == 0 || (left > at && left + 1 < tree.len() && (node.column as usize) < n_columns)
            };
            !tree.is_empty() && tree.iter().enumerate().all(fine)
        };
        if nodes.next().is_some() || trees.is_empty() || !trees.iter().all(leads) {
            let (expected, got) = ("whole trees".to_owned(), format!("{} trees with broken links", trees.len()));
            return Err(Error::Stored { part: "nodes".into(), expected, got });
        }
        Ok(Self { config, n_columns, trees })
    }
}

/// Splits the rows of node `at` at a random value of a random column in which they differ.
fn split(
    rows: Rows<'_>,
    chosen: &mut [usize],
    at: usize,
    depth: usize,
    deepest: usize,
    nodes: &mut Vec<Node>,
    rng: &mut ChaCha8Rng,
) {
    let cut = if depth < deepest && chosen.len() > 1 { draw_cut(rows, chosen, rng) } else { None };
    let Some((column, cut)) = cut else {
        nodes[at].cut = (depth as f64 + mean_path(chosen.len())) as f32;
        return;
    };
    let mut n_left = 0;
    for i in 0..chosen.len() {
        if rows.row(chosen[i])[column] <= cut {
            chosen.swap(i, n_left);
            n_left += 1;
        }
    }
    let left = nodes.len();
    nodes[at] = Node { column: column as u32, cut, left: left as u32 };
    nodes.extend([Node { column: 0, cut: 0.0, left: 0 }; 2]);
    let (low, high) = chosen.split_at_mut(n_left);
    split(rows, low, left, depth + 1, deepest, nodes, rng);
    split(rows, high, left + 1, depth + 1, deepest, nodes, rng);
}

/// A column in which the rows differ, and a value at or above its minimum and below its maximum.
fn draw_cut(rows: Rows<'_>, chosen: &[usize], rng: &mut ChaCha8Rng) -> Option<(usize, f32)> {
    let spread = |column: usize| {
        let values = chosen.iter().map(|&row| rows.row(row)[column]);
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let draw = |column, rng: &mut ChaCha8Rng| match spread(column) {
        (low, high) if low < high => Some((column, rng.random_range(low..high))),
        _ => None,
    };
    // Most columns differ, so the first few draws find one; if not, all are tried in random order.
    for _ in 0..8 {
        let column = rng.random_range(0..rows.n_columns());
        if let Some(cut) = draw(column, rng) {
            return Some(cut);
        }
    }
    let order = sample(rng, rows.n_columns(), rows.n_columns());
    order.into_iter().find_map(|column| draw(column, rng))
}

fn depth(tree: &[Node], row: &[f32]) -> f64 {
    let mut node = tree[0];
    while node.left != 0 {
        let right = row[node.column as usize] > node.cut;
        node = tree[node.left as usize + usize::from(right)];
    }
    f64::from(node.cut)
}

/// Mean depth of an unsuccessful search in a random binary tree of `n` rows.
fn mean_path(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        n => 2.0 * (((n - 1) as f64).ln() + EULER) - 2.0 * (n - 1) as f64 / n as f64,
    }
}

impl Declaration for IsolationForest {
    type Config = IsolationForestConfig;
    const DESCRIPTION: &'static str = "isolation forest";
    const NEEDS: &'static [Input] = &[Input::Embedding];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &IsolationForestConfig) -> Result<Self> {
        Self::fit(given.embedding()?, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_row_is_isolated_soon() {
        let values: Vec<f32> = (0..600).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        let forest = IsolationForest::fit(Rows::new(&values, 2).unwrap(), &Default::default()).unwrap();
        let scores = forest.score(Rows::new(&[0.0, 0.0, 9.0, 9.0], 2).unwrap()).unwrap();
        assert!(scores[0] < 0.55 && scores[1] > 0.55, "{scores:?}");
    }

    #[test]
    fn equal_rows_make_trees_of_one_leaf() {
        let forest = IsolationForest::fit(Rows::new(&[1.0; 30], 3).unwrap(), &Default::default()).unwrap();
        assert!(forest.trees.iter().all(|tree| tree.len() == 1));
        let mut broken = forest.to_tensors();
        broken.tensors.get_mut("nodes").unwrap().values[2] = 7.0;
        assert!(IsolationForest::from_tensors(&broken).unwrap_err().to_string().contains("broken links"));
    }
}
