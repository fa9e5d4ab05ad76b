//! A connected graph of rows and their nearest neighbors, and shortest paths in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rayon::prelude::*;

use crate::neighbors::{Neighbors, multiply, nearest_others, squared_distance};
use crate::rows::Rows;

/// Rows that one task measures against all.
const BLOCK_ROWS: usize = 64;

/// Undirected edges with their lengths, by row.
pub(crate) struct Graph {
    edges: Vec<Vec<(u32, f64)>>,
}

impl Graph {
    /// Connects each row to its `k` nearest ones. Where that leaves several components, each two of them are connected by
    /// their shortest edge.
    pub(crate) fn of_neighbors(rows: Rows<'_>, k: usize) -> Self {
        let neighbors: Neighbors = nearest_others(rows, k);
        let mut graph = Graph { edges: vec![Vec::new(); rows.n_rows()] };
        for row in 0..rows.n_rows() {
            neighbors.of(row).for_each(|(other, length)| graph.join(row, other, length));
        }
        let (piece, n_pieces) = graph.pieces();
        if n_pieces > 1 {
            for (row, other) in shortest_links(rows, &piece, n_pieces) {
                graph.join(row, other, squared_distance(rows.row(row), rows.row(other)).sqrt());
            }
        }
        graph
    }

    fn join(&mut self, a: usize, b: usize, length: f64) {
        self.edges[a].push((b as u32, length));
        self.edges[b].push((a as u32, length));
    }

    /// The component of each row, numbered by their first rows, and the number of components.
    fn pieces(&self) -> (Vec<usize>, usize) {
        let mut piece = vec![usize::MAX; self.edges.len()];
        let mut n_pieces = 0;
        for start in 0..piece.len() {
            if piece[start] != usize::MAX {
                continue;
            }
            piece[start] = n_pieces;
            let mut open = vec![start];
            while let Some(row) = open.pop() {
                for &(other, _) in &self.edges[row] {
                    if piece[other as usize] == usize::MAX {
                        piece[other as usize] = n_pieces;
                        open.push(other as usize);
                    }
                }
            }
            n_pieces += 1;
        }
        (piece, n_pieces)
    }

    /// Length of the shortest path from `start` to every row, `[N]`.
    ///
    /// Source: Dijkstra (1959), "A Note on Two Problems in Connexion with Graphs".
    pub(crate) fn distances_from(&self, start: usize) -> Vec<f64> {
        let mut distance = vec![f64::INFINITY; self.edges.len()];
        distance[start] = 0.0;
        // Lengths are not negative, so their bits sort as they do.
        let mut open = BinaryHeap::from([Reverse((0.0f64.to_bits(), start as u32))]);
        while let Some(Reverse((bits, row))) = open.pop() {
            let so_far = f64::from_bits(bits);
            if so_far > distance[row as usize] {
                continue;
            }
            for &(other, length) in &self.edges[row as usize] {
                let through = so_far + length;
                if through < distance[other as usize] {
                    distance[other as usize] = through;
                    open.push(Reverse((through.to_bits(), other)));
                }
            }
        }
        distance
    }
}

/// The nearest two rows of each two components.
fn shortest_links(rows: Rows<'_>, piece: &[usize], n_pieces: usize) -> Vec<(usize, usize)> {
    let mut sizes = vec![0; n_pieces];
    piece.iter().for_each(|&piece| sizes[piece] += 1);
    let largest = (0..n_pieces).max_by_key(|&piece| (sizes[piece], Reverse(piece))).unwrap_or(0);
    let norms: Vec<f64> = rows.iter().map(|row| row.iter().map(|&value| f64::from(value).powi(2)).sum()).collect();
    // An edge has at most one end in the largest component, so the rows of the others find them all.
    let n_blocks = rows.n_rows().div_ceil(BLOCK_ROWS);
    let of_block = |products: &mut Vec<f32>, block: usize| {
        let start = block * BLOCK_ROWS;
        let range = start..(start + BLOCK_ROWS).min(rows.n_rows());
        let mut found: BTreeMap<(usize, usize), (f64, usize, usize)> = BTreeMap::new();
        if range.clone().all(|row| piece[row] == largest) {
            return found;
        }
        multiply(rows.range(range.clone()), rows, products);
        for row in range.filter(|&row| piece[row] != largest) {
            let products = &products[(row - start) * rows.n_rows()..][..rows.n_rows()];
            let mut best = vec![(f64::INFINITY, 0); n_pieces];
            for (other, &product) in products.iter().enumerate() {
                let squared = norms[row] + norms[other] - 2.0 * f64::from(product);
                if squared < best[piece[other]].0 {
                    best[piece[other]] = (squared, other);
                }
            }
            for (to, &(squared, other)) in best.iter().enumerate().filter(|(to, _)| *to != piece[row]) {
                keep_shorter(&mut found, (piece[row].min(to), piece[row].max(to)), (squared, row, other));
            }
        }
        found
    };
    let blocks: Vec<_> = (0..n_blocks).into_par_iter().map_init(Vec::new, of_block).collect();
    let mut links = BTreeMap::new();
    for (pair, link) in blocks.into_iter().flatten() {
        keep_shorter(&mut links, pair, link);
    }
    links.into_values().map(|(_, row, other)| (row, other)).collect()
}

type Links = BTreeMap<(usize, usize), (f64, usize, usize)>;

fn keep_shorter(links: &mut Links, pair: (usize, usize), link: (f64, usize, usize)) {
    let kept = links.entry(pair).or_insert(link);
    if link.0 < kept.0 {
        *kept = link;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_along_a_line_and_over_a_gap() {
        // Two components with one neighbor each; the gap is bridged from 3 to 10.
        let rows = Rows::new(&[0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0], 1).unwrap();
        let graph = Graph::of_neighbors(rows, 2);
        assert_eq!(graph.pieces().1, 1);
        assert_eq!(graph.distances_from(0), [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0]);
    }
}
