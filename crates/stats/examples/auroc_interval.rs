//! The AUROC of a detector with a 95 % interval over recordings, and the exact interval of its detection rate.
use stats::{Groups, Ranking, bootstrap, clopper_pearson, quantile_sorted, seed};

fn main() {
    // Forty recordings of three clips; every second recording is positive and scores higher on average.
    let recordings = Groups::new((0..120).map(|clip| clip / 3).collect(), 40);
    let is_positive = |clip: usize| (clip / 3) % 2 == 1;
    let scores: Vec<f64> =
        (0..120).map(|clip| f64::from(u8::from(is_positive(clip))) + 2.0 * (clip as f64 * 1.7).sin()).collect();
    let ranking = Ranking::new(&scores, is_positive);
    let auroc = ranking.auroc(&[1.0; 120]).unwrap_or(f64::NAN);

    let generator = |resample| seed::stream(1, resample as u64);
    let resamples = bootstrap([&recordings], 1000, generator, |[weights]| ranking.auroc(weights));
    let mut values: Vec<f64> = resamples.into_iter().flatten().collect();
    values.sort_by(f64::total_cmp);
    let ends = [0.025, 0.975].map(|share| quantile_sorted(&values, share).unwrap_or(f64::NAN));
    assert!(ends[0] < auroc && auroc < ends[1]);

    let n_detected = (0..120).filter(|clip| is_positive(*clip) && scores[*clip] > 0.0).count();
    let [low, high] = clopper_pearson(n_detected, 60, 0.95);
    assert!(low < n_detected as f64 / 60.0 && (n_detected as f64 / 60.0) < high);
}
