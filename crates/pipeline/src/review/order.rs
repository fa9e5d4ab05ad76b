//! An order of detections that is random, and whose first ones are spread evenly over the scores.

use detections::TableDetection;
use std::collections::BTreeMap;

/// Equal parts of the detections of a label, by score.
const STRATA: usize = 5;

/// Where each row is in a random order in which those of a label that come first are spread evenly over its scores, from 0 to 1: the
/// smallest place is first. The same detections and seed give the same order.
///
/// The detections of a label are cut by score into five parts of equal size, and each part into as many equal steps as it has detections,
/// with one at a random place of each step (proportional allocation; Cochran, "Sampling Techniques", 1977, section 5.5). Any number of
/// detections that come first is then, but for one of each part, in proportion. As the chance of being right differs between parts, the share
/// of right ones varies less than in a simple random sample, so that an exact interval for that sample holds as often, or more often: of
/// independent trials with one mean, those with equal chances have the heaviest tails (Hoeffding 1956, "On the Distribution of the Number of
/// Successes in Independent Trials"). `scripts/measure-review.sh` measures how often.
pub fn spread(rows: &[TableDetection], seed: u64) -> Vec<f64> {
    let mut random: Vec<u64> = (0..rows.len()).map(|nth| stats::seed::derive(seed, 1, nth as u64)).collect();
    let mut labels: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (nth, row) in rows.iter().enumerate() {
        labels.entry(&row.label).or_default().push(nth);
    }
    let mut places = vec![0.0; rows.len()];
    for mut of in labels.into_values() {
        let score = |nth: usize| rows[nth].score.unwrap_or(0.5);
        of.sort_by(|&a, &b| score(a).total_cmp(&score(b)).then(random[a].cmp(&random[b])));
        for part in 0..STRATA {
            // Ranks with floor(rank * STRATA / n) = part.
            let from = |part: usize| (part * of.len()).div_ceil(STRATA);
            let mut part_of = of[from(part)..from(part + 1)].to_vec();
            // Equal scores were ordered by these numbers; the order within a part needs others.
            for &nth in &part_of {
                random[nth] = stats::seed::derive(seed, 2, nth as u64);
            }
            part_of.sort_by_key(|&nth| random[nth]);
            let n = part_of.len() as f64;
            for (step, nth) in part_of.into_iter().enumerate() {
                // The upper 53 bits, from 0 to 1.
                let within = (stats::seed::derive(seed, 3, nth as u64) >> 11) as f64 / (1_u64 << 53) as f64;
                places[nth] = (step as f64 + within) / n;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, score: f64) -> TableDetection {
        TableDetection {
            path: None,
            start_ms: 0,
            end_ms: 1000,
            channel: None,
            label: label.into(),
            score: Some(score),
            outlier_p: None,
            low_hz: None,
            high_hz: None,
        }
    }

    #[test]
    fn what_comes_first_is_in_proportion_and_random() {
        let mut rows: Vec<TableDetection> = (0..103).map(|nth| row("dog", f64::from(nth) / 103.0)).collect();
        rows.extend((0..3).map(|_| row("bird", 0.5)));
        let places = spread(&rows, 3);
        assert_eq!(places, spread(&rows, 3));
        assert!(places != spread(&rows, 4) && places.iter().all(|place| (0.0..1.0).contains(place)));
        let mut order: Vec<usize> = (0..103).collect();
        order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
        for n in 1..=103 {
            let mut parts = [0_usize; STRATA];
            order[..n].iter().for_each(|rank| parts[rank * STRATA / 103] += 1);
            let expected = n as f64 / 5.0;
            assert!(parts.iter().all(|&of| (of as f64 - expected).abs() < 2.0), "{n}: {parts:?}");
        }
        // Each comes first as often as another, whatever its score.
        let firsts = (0..4000).map(|seed| {
            let places = spread(&rows[..10], seed);
            (0..10).min_by(|&a, &b| places[a].total_cmp(&places[b])).unwrap()
        });
        let mut counts = [0_usize; 10];
        firsts.for_each(|nth| counts[nth] += 1);
        assert!(counts.iter().all(|count| (320..480).contains(count)), "{counts:?}");
    }
}
