//! The figures as tables.

use super::{Difference, Model, Outcome};
use crate::table::{Table, number, with_interval};

impl Outcome {
    /// How good each model is; then what each costs, and how it detects unknown sounds.
    pub fn tables(&self) -> Vec<Table> {
        vec![figures(self), costs(self)]
    }
}

fn figures(outcome: &Outcome) -> Table {
    let below = |name: &str, all: &[Difference]| match all.iter().find(|difference| difference.model == name) {
        Some(difference) => with_interval((difference.below_best, difference.interval)),
        None => "best".to_owned(),
    };
    let dash = |value: Option<(f64, [f64; 2])>| value.map_or_else(|| "-".to_owned(), with_interval);
    let under_stress = outcome.models.iter().any(|model| model.under_stress.is_some());
    let row = |model: &Model| {
        let recorded = with_interval((model.balanced_accuracy, model.interval));
        let mut cells = vec![model.name.clone(), recorded, below(&model.name, &outcome.differences)];
        if under_stress {
            let worst = model.worst.as_ref().map(|worst| worst.1);
            cells.extend([model.under_stress, model.equalized, worst].map(dash));
        }
        cells.push(number(model.ece, 3));
        cells
    };
    let stress = ["all stress tests", "equalized", "hardest stress test"];
    let header = ["model", "balanced accuracy", "below the best"].into_iter();
    let header = header.chain(stress.into_iter().filter(|_| under_stress)).chain(["calibration error"]);
    Table::new(header, outcome.models.iter().map(row).collect())
}

fn costs(outcome: &Outcome) -> Table {
    let mut sets: Vec<&str> = Vec::new();
    for unknown in outcome.models.iter().flat_map(|model| &model.unknown) {
        if !sets.contains(&unknown.set.as_str()) {
            sets.push(&unknown.set);
        }
    }
    let row = |model: &Model| {
        let cost = &model.cost;
        let mut cells = vec![
            model.name.clone(),
            format!("{:.1}", cost.bytes as f64 / 1e6),
            number(cost.train_minutes, 1),
            format!("{:.0}", cost.recordings_per_s),
            format!("{:.0}", cost.times_real_time),
            number(cost.peak_mib, 0),
        ];
        let auroc = |set: &&str| model.unknown.iter().find(|of| of.set == **set).and_then(|of| of.auroc);
        cells.extend(sets.iter().map(|set| number(auroc(set), 3)));
        cells
    };
    let fixed = ["model", "MB", "min to train", "recordings/s", "x real time", "MiB"].map(str::to_owned);
    let header = fixed.into_iter().chain(sets.iter().map(|set| format!("AUROC {set}")));
    Table::new(header, outcome.models.iter().map(row).collect())
}
