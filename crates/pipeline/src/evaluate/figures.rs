//! The figures under each condition, and the worst of them.

use crate::error::Result;
use crate::named::Named;
use crate::stress::Condition;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use train::Metrics;

/// `stress` of metrics.json.
#[derive(Debug, Clone, Serialize)]
pub struct Stress {
    /// By name, in the order of [`Condition::ALL`].
    #[serde(serialize_with = "by_name")]
    pub conditions: Vec<(Condition, ConditionFigures)>,
    /// The condition with the lowest balanced accuracy; none where no clip was measured.
    pub worst: Option<Worst>,
}

/// Figures under one condition. A figure is `None`, `null` in the file, where the clips do not define it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionFigures {
    /// Number of clips of the model's classes.
    pub n: usize,
    /// Number of their groups.
    pub n_groups: usize,
    /// Mean recall over the classes that have clips.
    pub balanced_accuracy: Option<f64>,
    /// Low and high end of its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Share of each class's clips that are predicted as it.
    pub recall: BTreeMap<String, Option<f64>>,
}

/// The condition that costs a model most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worst {
    /// Its name.
    pub name: Condition,
    /// The balanced accuracy under it.
    pub balanced_accuracy: f64,
    /// Low and high end of the 95 % interval.
    pub interval: Option<[f64; 2]>,
}

impl ConditionFigures {
    /// Those of the figures in `metrics`.
    pub fn of(metrics: &Metrics) -> Self {
        Self {
            n: metrics.n,
            n_groups: metrics.n_groups,
            balanced_accuracy: metrics.balanced_accuracy,
            interval: metrics.intervals.get("balanced_accuracy").copied(),
            recall: metrics.per_class.iter().map(|(class, figures)| (class.clone(), figures.recall)).collect(),
        }
    }
}

impl Stress {
    /// The figures of all conditions; the first of equals is the worst.
    pub(super) fn new(conditions: Vec<(Condition, ConditionFigures)>) -> Self {
        let measured = conditions.iter().filter_map(|(name, figures)| {
            let (name, interval) = (*name, figures.interval);
            figures.balanced_accuracy.map(|balanced_accuracy| Worst { name, balanced_accuracy, interval })
        });
        let worst = measured.min_by(|a, b| a.balanced_accuracy.total_cmp(&b.balanced_accuracy));
        Self { conditions, worst }
    }

    /// A row a condition: `condition`, `n`, `n_groups`, `balanced_accuracy`, `low`, `high`, a `recall_CLASS` a class.
    pub(super) fn to_csv(&self) -> Result<Vec<u8>> {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        let classes = self.conditions.first().map_or_else(Vec::new, |(_, figures)| figures.recall.keys().collect());
        let first = ["condition", "n", "n_groups", "balanced_accuracy", "low", "high"].map(str::to_owned);
        writer.write_record(first.into_iter().chain(classes.iter().map(|class| format!("recall_{class}"))))?;
        for (condition, figures) in &self.conditions {
            let [low, high] = [0, 1].map(|end| number(figures.interval.map(|interval| interval[end])));
            let figure = number(figures.balanced_accuracy);
            let (n, n_groups) = (figures.n.to_string(), figures.n_groups.to_string());
            let row = [condition.name().to_owned(), n, n_groups, figure, low, high];
            writer.write_record(row.into_iter().chain(figures.recall.values().map(|recall| number(*recall))))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

fn by_name<S: Serializer>(conditions: &[(Condition, ConditionFigures)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(conditions.len()))?;
    for (condition, figures) in conditions {
        map.serialize_entry(condition.name(), figures)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_the_lowest_and_names_are_keys() {
        let figures = |balanced_accuracy| ConditionFigures {
            n: 10,
            n_groups: 5,
            balanced_accuracy,
            interval: balanced_accuracy.map(|at: f64| [at - 0.1, at + 0.1]),
            recall: BTreeMap::from([("dog".to_owned(), balanced_accuracy)]),
        };
        let given = [(Condition::Rate8k, Some(0.6)), (Condition::Room, None), (Condition::Mp3, Some(0.9))];
        let stress = Stress::new(given.map(|(condition, at)| (condition, figures(at))).to_vec());
        let json = serde_json::to_value(&stress).unwrap();
        assert_eq!(json["worst"]["name"], "rate_8k");
        assert_eq!(json["conditions"]["mp3"]["recall"]["dog"], 0.9);
        assert!(json["conditions"]["room"]["interval"].is_null());
        let csv = String::from_utf8(stress.to_csv().unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "condition,n,n_groups,balanced_accuracy,low,high,recall_dog");
        assert_eq!(lines[1], "rate_8k,10,5,0.600000,0.500000,0.700000,0.600000");
        assert_eq!(lines[2], "room,10,5,,,,");
        assert_eq!(Stress::new(Vec::new()).worst, None);
    }
}
