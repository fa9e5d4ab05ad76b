//! Which detections of a table are cut.

use super::options::{Options, Pick};
use crate::error::{Result, bail};
use detections::TableDetection;
use std::collections::BTreeMap;

/// Most bands of scores.
const BANDS: usize = 10;

/// Numbers of the rows that are wanted, in the order of the table.
///
/// # Errors
/// No such row, labels that no row has, scores where no row has one.
pub(super) fn choose(rows: &[TableDetection], options: &Options, seed: u64) -> Result<Vec<usize>> {
    let table = options.detections.display();
    if rows.is_empty() {
        bail!("{table}: holds no detection");
    }
    if let Some(label) = options.labels.iter().find(|label| !rows.iter().any(|row| row.label == **label)) {
        let mut there: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
        there.sort_unstable();
        there.dedup();
        there.truncate(20);
        bail!("--label {label}: no row of {table} has it; the first labels are: {}", there.join(", "));
    }
    let is_scored = rows.iter().any(|row| row.score.is_some());
    let needs_scores = options.min_score.is_some()
        || options.max_score.is_some()
        || options.per_class.is_some() && options.pick != Pick::Random;
    if needs_scores && !is_scored {
        bail!("{table}: no row has a score, which --min-score, --max-score, --pick top and --pick spread need");
    }
    let (min, max) = (options.min_score.unwrap_or(f64::NEG_INFINITY), options.max_score.unwrap_or(f64::INFINITY));
    let is_bounded = options.min_score.is_some() || options.max_score.is_some();
    let mut by_label = BTreeMap::<&str, Vec<usize>>::new();
    for (nth, row) in rows.iter().enumerate() {
        let has_label = options.labels.is_empty() || options.labels.contains(&row.label);
        let is_within = row.score.map_or(!is_bounded, |score| (min..=max).contains(&score));
        if has_label && is_within {
            by_label.entry(&row.label).or_default().push(nth);
        }
    }
    let most = options.per_class.unwrap_or(usize::MAX);
    let mut chosen: Vec<usize> = Vec::new();
    for (label, of_label) in by_label {
        let label_seed = label.bytes().fold(seed, |seed, byte| stats::seed::derive(seed, u64::from(byte), 0));
        chosen.extend(if of_label.len() <= most {
            of_label
        } else {
            pick(rows, of_label, most, options.pick, label_seed)
        });
    }
    if chosen.is_empty() {
        bail!("{table}: none of the {} detections has the scores that are asked for", rows.len());
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// `most` of the rows of a label.
fn pick(rows: &[TableDetection], mut of_label: Vec<usize>, most: usize, pick: Pick, seed: u64) -> Vec<usize> {
    let score = |nth: usize| rows[nth].score.unwrap_or(f64::NEG_INFINITY);
    match pick {
        Pick::Random => of_label.sort_by_cached_key(|&nth| stats::seed::nth(seed, nth as u64)),
        // The order of the table decides between equals.
        Pick::Top => of_label.sort_by(|&a, &b| score(b).total_cmp(&score(a))),
        Pick::Spread => {
            of_label.sort_by_cached_key(|&nth| stats::seed::nth(seed, nth as u64));
            let scores = || of_label.iter().filter_map(|&nth| rows[nth].score);
            let (low, high) = (scores().fold(f64::INFINITY, f64::min), scores().fold(f64::NEG_INFINITY, f64::max));
            let n_bands = most.min(BANDS);
            let band = |nth: usize| match rows[nth].score {
                Some(score) if high > low => {
                    (((score - low) / (high - low) * n_bands as f64) as usize).min(n_bands - 1)
                }
                // Those without a score are a band of their own.
                Some(_) => 0,
                None => n_bands,
            };
            let rank = |band: usize| if band == n_bands { n_bands } else { n_bands - 1 - band };
            // The first of each band, the highest band first, then the second of each, ...
            let mut n_of_band = vec![0_usize; n_bands + 1];
            let mut turns: Vec<(usize, usize, usize)> = Vec::new();
            for &nth in &of_label {
                let band = band(nth);
                turns.push((n_of_band[band], rank(band), nth));
                n_of_band[band] += 1;
            }
            turns.sort_unstable();
            of_label = turns.into_iter().map(|(_, _, nth)| nth).collect();
        }
    }
    of_label.truncate(most);
    of_label
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<TableDetection> {
        let row = |nth: usize| TableDetection {
            label: if nth.is_multiple_of(3) { "owl".into() } else { "dog".into() },
            score: Some((nth as f64 / 300.0).powi(3)),
            ..TableDetection::default()
        };
        (0..300).map(row).collect()
    }

    fn chosen(rows: &[TableDetection], seed: u64, change: impl Fn(&mut Options)) -> Vec<usize> {
        let mut options = Options::new("t.csv", "out");
        change(&mut options);
        choose(rows, &options, seed).unwrap()
    }

    #[test]
    fn labels_and_scores_decide_what_is_cut() {
        let rows = rows();
        assert_eq!(chosen(&rows, 0, |_| {}), (0..300).collect::<Vec<_>>());
        assert_eq!(chosen(&rows, 0, |options| options.labels = vec!["owl".into()]).len(), 100);
        let within = |options: &mut Options| (options.min_score, options.max_score) = (Some(0.125), Some(0.513));
        assert_eq!(chosen(&rows, 0, within), (150..=240).collect::<Vec<_>>());
        let top = |options: &mut Options| (options.per_class, options.pick) = (Some(2), Pick::Top);
        assert_eq!(chosen(&rows, 0, top), [294, 297, 298, 299]);
    }

    #[test]
    fn draws_depend_on_the_seed_and_on_the_label_alone() {
        let rows = rows();
        for pick in [Pick::Random, Pick::Spread] {
            let draw = |seed, labels: &[&str]| {
                chosen(&rows, seed, |options| {
                    (options.per_class, options.pick) = (Some(20), pick);
                    options.labels = labels.iter().map(|label| (*label).to_owned()).collect();
                })
            };
            let both = draw(1, &[]);
            assert_eq!((both.len(), &both), (40, &draw(1, &[])));
            assert_ne!(both, draw(2, &[]));
            let owls: Vec<usize> = both.iter().copied().filter(|nth| nth.is_multiple_of(3)).collect();
            assert_eq!(owls, draw(1, &["owl"]));
            // A third of the scores are below 0.037; spread takes of each tenth.
            let low = owls.iter().filter(|&&nth| rows[nth].score.unwrap() < 0.1).count();
            assert_eq!(low == 2, pick == Pick::Spread, "{owls:?}");
        }
        // Bands end at a third and two thirds of the highest score, about.
        let few = chosen(&rows, 4, |options| (options.per_class, options.pick) = (Some(3), Pick::Spread));
        let bands: Vec<usize> = few.iter().map(|&nth| (rows[nth].score.unwrap() * 3.0) as usize).collect();
        assert!([0, 1, 2].iter().all(|band| bands.iter().filter(|other| *other == band).count() == 2), "{few:?}");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let rows = rows();
        let fails = |rows: &[TableDetection], change: fn(&mut Options)| {
            let mut options = Options::new("t.csv", "out");
            change(&mut options);
            choose(rows, &options, 0).unwrap_err().to_string()
        };
        assert!(fails(&rows, |o| o.labels = vec!["cat".into()]).contains("labels are: dog, owl"));
        assert!(fails(&rows, |o| o.min_score = Some(2.0)).contains("none of the 300"));
        let unscored = [TableDetection::default()];
        assert!(fails(&unscored, |o| o.min_score = Some(0.5)).contains("no row has a score"));
        assert!(fails(&[], |_| {}).contains("holds no detection"));
    }
}
