//! How many answers a review needs until the precision of a class is known to 5 points on either side, and how often its interval is true:
//! a simulated reviewer knows what each detection is, and answers in several orders.
//!
//! ```text
//! measure_review REVIEWS synthetic
//! measure_review REVIEWS NAME=TABLE...
//! ```
//!
//! REVIEWS is the number of reviews in each order. `synthetic` are made populations in which the score says much, little, nothing or the
//! opposite of what is right: on these the order and its interval were chosen. A TABLE is a CSV of windows that `barkbird predict` wrote of a
//! manifest, whose labels are taken as the truth. Prints tables.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

mod made;

use detections::{NEITHER, TableDetection, UNSURE, read_csv};
use pipeline::review::spread;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, HashMap};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Half of the width that is asked for, and how often an interval is to hold.
const HALF: f64 = 0.05;
const LEVEL: f64 = 0.95;
/// Parts by score, as `spread` has them.
const STRATA: usize = 5;
/// Fewer answers are no reason to stop.
const FEWEST: usize = 10;
/// Answers after which the estimates of orders are compared.
const COMPARED: [usize; 3] = [20, 40, 80];

/// The detections of a class.
struct Population {
    rows: Vec<TableDetection>,
    right: Vec<bool>,
    /// The part by score of each.
    stratum: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Random,
    Spread,
    Uncertain,
}

#[derive(Clone, Copy, PartialEq)]
enum Interval {
    /// Of recordings to come.
    ClopperPearson,
    /// Of the table.
    Finite,
    /// Of the table, each answer counting for as many as the spread saves, by the answers of the parts (after Korn and Graubard 1998,
    /// "Confidence Intervals for Proportions with Small Expected Number of Positive Counts Estimated from Survey Data").
    DesignEffect,
    /// Of the table, by a difference estimator with the score as the working model and Student's t (Angelopoulos and others 2023,
    /// "Prediction-powered inference", with a fitted weight of the score).
    Difference,
}

type Way = (&'static str, Order, Interval);
const USED: [Way; 4] = [
    ("random, Clopper-Pearson", Order::Random, Interval::ClopperPearson),
    ("random, this table", Order::Random, Interval::Finite),
    ("spread, this table", Order::Spread, Interval::Finite),
    ("least certain first, Clopper-Pearson", Order::Uncertain, Interval::ClopperPearson),
];
const NOT_USED: [Way; 2] = [
    ("spread, this table, design effect", Order::Spread, Interval::DesignEffect),
    ("random, this table, difference estimator", Order::Random, Interval::Difference),
];

impl Population {
    fn new(rows: Vec<TableDetection>, right: Vec<bool>) -> Self {
        let mut ranked: Vec<usize> = (0..rows.len()).collect();
        ranked.sort_by(|&a, &b| score(&rows[a]).total_cmp(&score(&rows[b])));
        let mut stratum = vec![0; rows.len()];
        for (rank, &nth) in ranked.iter().enumerate() {
            stratum[nth] = rank * STRATA / rows.len();
        }
        Self { rows, right, stratum }
    }

    fn precision(&self) -> f64 {
        self.right.iter().filter(|right| **right).count() as f64 / self.right.len() as f64
    }

    fn order(&self, order: Order, seed: u64) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.rows.len()).collect();
        all.shuffle(&mut stats::seed::stream(seed, 7));
        match order {
            Order::Random => {}
            Order::Spread => {
                let places = spread(&self.rows, seed);
                all.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
            }
            Order::Uncertain => {
                let sure = |nth: usize| (score(&self.rows[nth]) - 0.5).abs();
                all.sort_by(|&a, &b| sure(a).total_cmp(&sure(b)));
            }
        }
        all
    }
}

fn score(row: &TableDetection) -> f64 {
    row.score.unwrap_or(0.5)
}

/// What was answered so far.
#[derive(Default)]
struct Answers {
    n: usize,
    right: usize,
    of_stratum: [[usize; 2]; STRATA],
    /// Sums of the score, of its square, and of the scores that are right.
    scores: [f64; 3],
}

impl Answers {
    fn add(&mut self, of: &Population, nth: usize) {
        let (right, score) = (usize::from(of.right[nth]), score(&of.rows[nth]));
        self.n += 1;
        self.right += right;
        self.of_stratum[of.stratum[nth]][0] += 1;
        self.of_stratum[of.stratum[nth]][1] += right;
        for (sum, value) in self.scores.iter_mut().zip([score, score * score, score * right as f64]) {
            *sum += value;
        }
    }

    fn interval(&self, interval: Interval, of: &Population, kept: &mut Kept) -> [f64; 2] {
        let size = of.rows.len();
        match interval {
            Interval::ClopperPearson => kept.interval(self.right, self.n, None),
            Interval::Finite => kept.interval(self.right, self.n, Some(size)),
            Interval::DesignEffect if self.n < size => {
                let effect = self.design_effect();
                let (n, size) = ((self.n as f64 / effect) as usize, (size as f64 / effect) as usize);
                let right = self.right as f64 * n as f64 / self.n as f64;
                let high = kept.interval((right.ceil() as usize).min(n), n, Some(size))[1];
                [kept.interval(right as usize, n, Some(size))[0], high]
            }
            Interval::DesignEffect => kept.interval(self.right, self.n, Some(size)),
            Interval::Difference => self.difference(of),
        }
    }

    /// The variance within parts by that of all, where each part begins with ten answers like all.
    fn design_effect(&self) -> f64 {
        const LIKE_ALL: f64 = 10.0;
        let p = (self.right as f64 + 0.5) / (self.n as f64 + 1.0);
        let of_stratum = |[n, right]: &[usize; 2]| {
            let p = (*right as f64 + LIKE_ALL * p) / (*n as f64 + LIKE_ALL);
            p * (1.0 - p) / STRATA as f64
        };
        (self.of_stratum.iter().map(of_stratum).sum::<f64>() / (p * (1.0 - p))).clamp(0.2, 1.0)
    }

    fn difference(&self, of: &Population) -> [f64; 2] {
        let (n, size) = (self.n as f64, of.rows.len() as f64);
        let (right, score_mean) = (self.right as f64 / n, self.scores[0] / n);
        let (variance, covariance) =
            (self.scores[1] / n - score_mean * score_mean, self.scores[2] / n - right * score_mean);
        let weight = if variance > 1e-12 { (covariance / variance).clamp(0.0, 2.0) } else { 0.0 };
        let of_all = of.rows.iter().map(score).sum::<f64>() / size;
        let estimate = right + weight * (of_all - score_mean);
        let rest = right * (1.0 - right) - 2.0 * weight * covariance + weight * weight * variance;
        let degrees = n - 2.0;
        // Student's t at 0.975, to two digits from 8 degrees of freedom on.
        let t = 1.96 + 2.4 / degrees + 3.0 / (degrees * degrees);
        let half = t * (rest.max(0.0) / degrees * (1.0 - n / size)).sqrt();
        [(estimate - half).max(0.0), (estimate + half).min(1.0)]
    }
}

/// Intervals that were computed already.
#[derive(Default)]
struct Kept(HashMap<(usize, usize, Option<usize>), [f64; 2]>);

impl Kept {
    fn interval(&mut self, right: usize, n: usize, size: Option<usize>) -> [f64; 2] {
        *self.0.entry((right, n, size)).or_insert_with(|| stats::interval_of_share(right, n, size, LEVEL))
    }
}

/// Reviews of populations in one way.
#[derive(Default)]
struct Reviews {
    /// Answers until the interval was narrow, or all.
    answers: Vec<f64>,
    /// Where it got narrow, and where it held the truth.
    narrow: usize,
    true_at_end: usize,
    /// After [`COMPARED`] answers: reviews that had so many, those whose interval held, and the squares of errors.
    compared: [(usize, usize, f64); 3],
}

impl Reviews {
    fn add(&mut self, (_, order, interval): Way, of: &Population, seed: u64, kept: &mut Kept) {
        let truth = of.precision();
        let holds = |[low, high]: [f64; 2]| low <= truth + 1e-9 && truth <= high + 1e-9;
        let (mut answers, mut end) = (Answers::default(), None);
        for nth in of.order(order, seed) {
            answers.add(of, nth);
            let compared = COMPARED.iter().position(|&n| n == answers.n);
            if end.is_some() && compared.is_none() {
                if answers.n > COMPARED[2] {
                    break;
                }
                continue;
            }
            if compared.is_none() && answers.n < FEWEST.min(of.rows.len()) {
                continue;
            }
            let [low, high] = answers.interval(interval, of, kept);
            if let Some(at) = compared {
                let (n, held, squares) = &mut self.compared[at];
                *n += 1;
                *held += usize::from(holds([low, high]));
                *squares += (answers.right as f64 / answers.n as f64 - truth).powi(2);
            }
            let is_narrow = high - low <= 2.0 * HALF + 1e-9;
            if end.is_none() && (is_narrow || answers.n == of.rows.len()) {
                end = Some(answers.n);
                self.answers.push(answers.n as f64);
                self.narrow += usize::from(is_narrow);
                self.true_at_end += usize::from(holds([low, high]));
            }
        }
    }

    fn quantile(&mut self, share: f64) -> f64 {
        self.answers.sort_by(f64::total_cmp);
        stats::quantile_sorted(&self.answers, share).unwrap_or(f64::NAN)
    }

    fn needed(&mut self) -> String {
        if self.narrow == 0 {
            return format!(" all {:.0} are too few |", self.quantile(0.5));
        }
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| self.quantile(share));
        format!(" {middle:.0} ({low:.0} to {high:.0}), {:.3} |", self.share_true())
    }

    fn after(&self, at: usize) -> String {
        let (n, held, squares) = self.compared[at];
        let [held, squares] = [held as f64, squares].map(|sum| sum / n as f64);
        if n == 0 { " |".into() } else { format!(" {:.3}, {held:.3} |", squares.sqrt()) }
    }

    fn share_true(&self) -> f64 {
        self.true_at_end as f64 / self.answers.len() as f64
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "expected: measure_review REVIEWS synthetic, or NAME=TABLE...";
    let [runs, what @ ..] = &arguments[..] else { return Err(usage.into()) };
    let runs = runs.parse::<usize>()?;
    if what == ["synthetic"] {
        made::of_sizes();
        made::synthetic(runs);
        return Ok(());
    }
    let ways = USED.map(|way| format!(" {} |", way.0)).concat();
    let head = format!(
        "| model, place | class | in table | precision |{ways}\n| --- | --- | --- | --- |{}",
        " --- |".repeat(USED.len())
    );
    let (mut needed, mut after) = (String::new(), String::new());
    for table in what {
        let (name, path) = table.split_once('=').ok_or(usage)?;
        for (class, of) in populations(path)? {
            let start = format!("\n| {name} | {class} | {} | {:.3} |", of.rows.len(), of.precision());
            needed += &start;
            after += &start;
            for way in USED {
                let (mut reviews, mut kept) = (Reviews::default(), Kept::default());
                (0..runs).for_each(|seed| reviews.add(way, &of, seed as u64, &mut kept));
                needed += &reviews.needed();
                after += &reviews.after(0);
            }
        }
    }
    println!(
        "{runs} reviews; answers until the interval is {:.0} points wide: median (10 to 90 %), share of intervals that are true",
        200.0 * HALF
    );
    println!(
        "\n{head}{needed}\n\nAfter {} answers: error of the share (root mean square), share of intervals that are true\n\n{head}{after}",
        COMPARED[0]
    );
    Ok(())
}

/// The classes of a table.
fn populations(table: &str) -> Outcome<BTreeMap<String, Population>> {
    let mut classes: BTreeMap<String, (Vec<TableDetection>, Vec<bool>)> = BTreeMap::new();
    for row in read_csv(std::fs::File::open(table)?)?.rows {
        if [NEITHER, UNSURE].contains(&row.label.as_str()) {
            continue;
        }
        let (rows, right) = classes.entry(row.label.clone()).or_default();
        rows.push(detection(&row.label, row.probability));
        right.push(row.label == row.truth);
    }
    Ok(classes.into_iter().map(|(class, (rows, right))| (class, Population::new(rows, right))).collect())
}

fn detection(label: &str, score: f64) -> TableDetection {
    TableDetection {
        path: None,
        start_ms: 0,
        end_ms: 1000,
        channel: None,
        label: label.to_owned(),
        score: Some(score),
        outlier_p: None,
        low_hz: None,
        high_hz: None,
    }
}
