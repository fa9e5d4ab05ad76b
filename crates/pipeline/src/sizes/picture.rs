//! The curves as a picture.

use super::curve::Curve;
use super::options::By;
use super::outcome::Outcome;

/// How far the dashed curve goes beyond the largest size.
const BEYOND: f64 = 2.0;

/// Balanced accuracy over the number of clips, a panel a set.
pub(super) fn picture(outcome: &Outcome) -> String {
    let line = |curve: &Curve| {
        let to = curve.points.last().map_or(1.0, |point| point.n_clips);
        let from = curve.points.first().map_or(1.0, |point| point.n_clips);
        let at = |step: u32| from * (BEYOND * to / from).powf(f64::from(step) / 40.0);
        report::LearningLine {
            name: if curve.spread { format!("{}, of all groups", curve.model) } else { curve.model.clone() },
            points: curve
                .points
                .iter()
                .map(|point| [point.n_clips, point.balanced_accuracy, point.seeds_range[0], point.seeds_range[1]])
                .collect(),
            fit: curve
                .fit
                .as_ref()
                .map(|fit| (0..=40).map(at).map(|n| [n, 1.0 - fit.error(n)]).collect())
                .unwrap_or_default(),
        }
    };
    let panels: Vec<report::LearningPanel> = outcome
        .sets
        .iter()
        .map(|set| report::LearningPanel {
            title: format!("{}: {} recordings, {} groups", set.name, set.n, set.n_groups),
            lines: outcome.curves.iter().filter(|curve| curve.set == set.name).map(line).collect(),
        })
        .collect();
    let what = match outcome.by {
        By::Clips => "",
        By::Groups => ", few groups with all clips against many groups",
    };
    let title = format!("Balanced accuracy by training clips{what} ({} seeds)", outcome.seeds);
    report::learning_svg(&title, &panels)
}
