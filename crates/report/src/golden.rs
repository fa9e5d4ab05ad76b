//! What scikit-learn computes of fixed rows: `scripts/golden-curves.sh` writes it.

use crate::data::Metrics;
use crate::run::{Evaluation, Prediction};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Golden {
    classes: Vec<String>,
    truth: Vec<usize>,
    p: Vec<Vec<f64>>,
    pub(crate) curves: Vec<Curves>,
    pub(crate) reliability: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
pub(crate) struct Curves {
    pub(crate) auroc: f64,
    pub(crate) average_precision: f64,
    pub(crate) roc: Vec<(f64, f64)>,
    pub(crate) precision_recall: Vec<(f64, f64)>,
}

pub(crate) fn read() -> Golden {
    serde_json::from_str(include_str!("../../../fixtures/golden/curves.json")).unwrap()
}

impl Golden {
    pub(crate) fn evaluation(&self) -> Evaluation {
        let clip = |(class, p): (&usize, &Vec<f64>)| Prediction {
            class: Some(*class),
            probability: p.clone(),
            ..Prediction::default()
        };
        let metrics = Metrics { classes: self.classes.clone(), ..Metrics::default() };
        Evaluation { metrics, predictions: self.truth.iter().zip(&self.p).map(clip).collect(), temperature: None }
    }
}

pub(crate) fn same(got: &[(f64, f64)], expected: &[(f64, f64)]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got.0 - expected.0).abs() < 1e-12 && (got.1 - expected.1).abs() < 1e-12, "{got:?} {expected:?}");
    }
}
