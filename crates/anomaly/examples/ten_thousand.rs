//! Seconds that each detector takes to be fitted on ten thousand rows of 768 and to score ten thousand others.
//!
//!     cargo run --release -p anomaly --example ten_thousand [NAME...]
//!
//! Without names, all. Fails where one takes more than ten seconds.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use anomaly::{Inputs, Known, Labels, Method, Rows};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_ROWS: usize = 10_000;
const N_COLUMNS: usize = 768;
const N_CLASSES: usize = 10;
const N_UNKNOWNS: usize = 2_000;
const LIMIT_S: f64 = 10.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let (train, train_logits) = rows(1, N_ROWS, 3.0);
    let (unknown, _) = rows(2, N_UNKNOWNS, 0.0);
    let (test, test_logits) = rows(3, N_ROWS, 2.0);
    let labels: Vec<u32> = (0..N_ROWS).map(|i| (i % N_CLASSES) as u32).collect();
    let scores = |rows: &[f32]| -> Vec<f32> { rows.iter().map(|value| 1.0 / (1.0 + (4.0 - value).exp())).collect() };
    let (train_backbone, test_backbone) = (scores(&train), scores(&test));
    let embedding = |values| Rows::new(values, N_COLUMNS);
    let inputs = |rows, logits, backbone| -> Result<Inputs<'_>, anomaly::Error> {
        Ok(Inputs {
            embedding: Some(embedding(rows)?),
            logits: Some(Rows::new(logits, N_CLASSES)?),
            backbone_scores: Some(embedding(backbone)?),
            cells: Some(embedding(rows)?),
        })
    };
    let known = Known {
        inputs: inputs(&train, &train_logits, &train_backbone)?,
        labels: Labels::new(&labels, N_CLASSES)?,
        unknowns: Inputs { embedding: Some(embedding(&unknown)?), ..Inputs::default() },
    };
    let test = inputs(&test, &test_logits, &test_backbone)?;
    println!("{:<34}{:>8}{:>8}", "seconds", "fit", "score");
    let mut slow = false;
    for (name, method) in Method::all() {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let start = Instant::now();
        let detector = method.fit(&known)?;
        let fit_s = start.elapsed().as_secs_f64();
        let n_scores = detector.score(&test)?.len();
        let score_s = start.elapsed().as_secs_f64() - fit_s;
        assert_eq!(n_scores, N_ROWS);
        println!("{name:<34}{fit_s:>8.2}{score_s:>8.2}");
        slow |= fit_s + score_s > LIMIT_S;
    }
    if slow {
        println!("slower than {LIMIT_S} s");
    }
    Ok(ExitCode::from(u8::from(slow)))
}

/// Rows about one center a class, of 40 wide directions and some noise, and logits.
fn rows(seed: u64, n_rows: usize, apart: f32) -> (Vec<f32>, Vec<f32>) {
    const N_WIDE: usize = 40;
    let mut shared = ChaCha8Rng::seed_from_u64(0);
    let mut uniform = |n: usize| -> Vec<f32> { (0..n).map(|_| shared.random_range(-1.0..1.0)).collect() };
    let (centers, directions) = (uniform(N_CLASSES * N_COLUMNS), uniform(N_WIDE * N_COLUMNS));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut values, mut logits) = (Vec::new(), Vec::new());
    for row in 0..n_rows {
        let class = row % N_CLASSES;
        let center = &centers[class * N_COLUMNS..][..N_COLUMNS];
        let mut of_row: Vec<f32> = center.iter().map(|c| apart * c + rng.random_range(-0.5..0.5)).collect();
        for direction in directions.chunks_exact(N_COLUMNS) {
            let along: f32 = rng.random_range(-1.0..1.0);
            of_row.iter_mut().zip(direction).for_each(|(value, d)| *value += along * d);
        }
        values.extend(of_row);
        let told = |c| rng.random_range(-1.0..1.0) + if c == class { apart } else { 0.0 };
        logits.extend((0..N_CLASSES).map(told));
    }
    (values, logits)
}
