//! Made populations, on which the order and its interval were chosen.

use super::{HALF, Kept, LEVEL, NOT_USED, Population, Reviews, USED, detection};
use rand::Rng;

/// How many answers tables of some sizes need, where the share of right ones is the precision all along.
pub(crate) fn of_sizes() {
    let sizes = [Some(50), Some(200), Some(1000), Some(10_000), None];
    let name =
        |size: Option<usize>| size.map_or_else(|| "recordings to come".to_owned(), |size| format!("{size} in table"));
    println!(
        "answers until the interval is {:.0} points wide\n\n| precision | {} |\n| --- |{}",
        200.0 * HALF,
        sizes.map(name).join(" | "),
        " --- |".repeat(5)
    );
    for precision in [0.5, 0.7, 0.8, 0.9, 0.95, 1.0] {
        let answers = |size: Option<usize>| {
            let is_narrow = |n: &usize| {
                let right = (precision * *n as f64).round() as usize;
                let [low, high] = stats::interval_of_share(right, *n, size, LEVEL);
                high - low <= 2.0 * HALF + 1e-9
            };
            (1..=size.unwrap_or(10_000)).find(is_narrow).unwrap_or_default().to_string()
        };
        println!("| {precision} | {} |", sizes.map(answers).join(" | "));
    }
    println!();
}

/// Log-odds of being right by the log-odds of the score and by its rank from 0 to 1, up to a shift.
type Relation = (&'static str, fn(f64, f64) -> f64);
const RELATIONS: [Relation; 6] = [
    ("as the score says", |x, _| x),
    ("sharper than the score", |x, _| 2.5 * x),
    ("nothing to do with the score", |_, _| 0.0),
    ("most of the lowest fifth wrong", |_, rank| if rank < 0.2 { -6.0 } else { 0.0 }),
    ("against the score", |x, _| -1.5 * x),
    ("middle scores best", |_, rank| -((rank - 0.5) * 6.0).powi(2)),
];

fn made(n: usize, relation: fn(f64, f64) -> f64, precision: f64, random: &mut impl Rng) -> Population {
    let mut gauss = || {
        let (a, b) = (random.random::<f64>().max(1e-12), random.random::<f64>());
        1.5 + 1.5 * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut xs: Vec<f64> = (0..n).map(|_| gauss()).collect();
    xs.sort_by(f64::total_cmp);
    let log_odds: Vec<f64> = xs.iter().enumerate().map(|(i, x)| relation(*x, i as f64 / n as f64)).collect();
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..60 {
        let shift = f64::midpoint(low, high);
        let mean = log_odds.iter().map(|x| sigmoid(x + shift)).sum::<f64>() / n as f64;
        if mean < precision { low = shift } else { high = shift }
    }
    let right = log_odds.iter().map(|x| random.random::<f64>() < sigmoid(x + low)).collect();
    Population::new(xs.iter().map(|x| detection("dog", sigmoid(*x))).collect(), right)
}

/// A row a way, over all made populations.
pub(crate) fn synthetic(runs: usize) {
    /// Populations of one kind.
    const EACH: usize = 8;
    let (sizes, precisions) = ([50, 200, 1000, 4000], [0.5, 0.7, 0.85, 0.95, 0.99]);
    println!(
        "{} kinds of populations (relation of score and truth, {sizes:?} detections, precision {precisions:?}), {EACH} of each, {runs} reviews a \
         kind\n\n| order and interval | answers, geometric mean of medians | interval is true | in the worst kind | after 20 answers | \
         after 40 | after 80 | error of the share after 40 |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
        RELATIONS.len() * sizes.len() * precisions.len()
    );
    for way in USED.into_iter().chain(NOT_USED) {
        let mut kept = Kept::default();
        let (mut logs, mut held, mut worst, mut compared) = (0.0, 0.0, (2.0, String::new()), [(0, 0, 0.0); 3]);
        let mut n_kinds = 0.0;
        for (name, relation) in RELATIONS {
            for size in sizes {
                for precision in precisions {
                    let mut random = stats::seed::stream(size as u64, (precision * 100.0) as u64);
                    let mut reviews = Reviews::default();
                    for nth in 0..EACH {
                        let of = made(size, relation, precision, &mut random);
                        let seed = |run: usize| (nth * runs + run) as u64;
                        (0..runs / EACH).for_each(|run| reviews.add(way, &of, seed(run), &mut kept));
                    }
                    n_kinds += 1.0;
                    logs += reviews.quantile(0.5).ln();
                    held += reviews.share_true();
                    if reviews.share_true() < worst.0 {
                        worst = (reviews.share_true(), format!("{name}, {size}, {precision}"));
                    }
                    for (sum, of) in compared.iter_mut().zip(reviews.compared) {
                        *sum = (sum.0 + of.0, sum.1 + of.1, sum.2 + of.2);
                    }
                }
            }
        }
        let after = |at: usize| compared[at].1 as f64 / compared[at].0 as f64;
        println!(
            "| {} | {:.0} | {:.3} | {:.3} ({}) | {:.3} | {:.3} | {:.3} | {:.4} |",
            way.0,
            (logs / n_kinds).exp(),
            held / n_kinds,
            worst.0,
            worst.1,
            after(0),
            after(1),
            after(2),
            (compared[1].2 / compared[1].0 as f64).sqrt(),
        );
    }
}
