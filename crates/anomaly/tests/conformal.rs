//! The guarantee of conformal p-values, by simulation.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anomaly::conformal::{Conformal, Form};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_SPLITS: u64 = 200;
const N_GROUPS: usize = 60;

/// Groups of 1 to 30 clips; the large ones are the ordinary ones, and clips of a group have nearly one score.
fn groups(seed: u64) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut group = || {
        let level: f64 = rng.random_range(0.0..1.0);
        let n_clips = 1 + (29.0 * (1.0 - level).powi(3)) as usize;
        (0..n_clips).map(|_| level + rng.random_range(-0.05..0.05)).collect()
    };
    (0..N_GROUPS).map(|_| group()).collect()
}

/// What is counted in the groups that were held out.
struct Alarms {
    /// Share of a group's clips with a p-value up to alpha, in the mean over groups.
    of_clips: f64,
    /// Share of the groups with any such clip.
    of_groups: f64,
}

/// Means over random splits in calibration and new groups, each of groups of its own.
fn simulate(alpha: f64, fit: impl Fn(&[f64], &[usize]) -> Conformal) -> Alarms {
    let mut total = Alarms { of_clips: 0.0, of_groups: 0.0 };
    for seed in 0..N_SPLITS {
        let mut groups = groups(seed);
        groups.shuffle(&mut ChaCha8Rng::seed_from_u64(1000 + seed));
        let (calibration, new) = groups.split_at(N_GROUPS / 2);
        let scores: Vec<f64> = calibration.concat();
        let ids: Vec<usize> = calibration.iter().enumerate().flat_map(|(id, clips)| vec![id; clips.len()]).collect();
        let conformal = fit(&scores, &ids);
        for clips in new {
            let n_alarms = clips.iter().filter(|&&score| conformal.p_value(score) <= alpha).count();
            total.of_clips += n_alarms as f64 / clips.len() as f64;
            total.of_groups += f64::from(u8::from(n_alarms > 0));
        }
    }
    let n = (N_SPLITS as usize * N_GROUPS / 2) as f64;
    Alarms { of_clips: total.of_clips / n, of_groups: total.of_groups / n }
}

/// Three standard errors of the mean of 200 splits, each off by the calibration's chance and by the new groups'.
fn slack(alpha: f64) -> f64 {
    let of_split = alpha * (1.0 - alpha) * (2.0 / (N_GROUPS / 2) as f64);
    3.0 * (of_split / N_SPLITS as f64).sqrt()
}

#[test]
fn false_rejections_stay_within_alpha() {
    for alpha in [0.05, 0.1] {
        let bound = alpha + slack(alpha);
        for form in [Form::Weighted, Form::OneAGroup(7)] {
            let alarms = simulate(alpha, |scores, groups| Conformal::fit(scores, groups, form).unwrap());
            assert!(alarms.of_clips <= bound, "{form:?} at {alpha}: {}", alarms.of_clips);
            // It is no empty promise either: something is rejected.
            assert!(alarms.of_clips > 0.3 * alpha, "{form:?} at {alpha}: {}", alarms.of_clips);
        }
        let alarms = simulate(alpha, |scores, groups| Conformal::fit(scores, groups, Form::Largest).unwrap());
        assert!(alarms.of_groups <= bound, "largest at {alpha}: {}", alarms.of_groups);
        assert!(alarms.of_groups > 0.3 * alpha, "largest at {alpha}: {}", alarms.of_groups);
    }
}

#[test]
fn clips_taken_for_groups_break_the_promise() {
    // Why groups matter: every clip as a group of its own, and the rate is several times alpha.
    let each_alone = |scores: &[f64], _: &[usize]| {
        let clips: Vec<usize> = (0..scores.len()).collect();
        Conformal::fit(scores, &clips, Form::Weighted).unwrap()
    };
    let alarms = simulate(0.05, each_alone);
    assert!(alarms.of_clips > 2.0 * 0.05, "{}", alarms.of_clips);
}
