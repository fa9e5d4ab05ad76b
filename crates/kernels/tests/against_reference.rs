//! The fused block against candle's own operations, on every path of this processor.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use common::{assert_close, cases, flat, on, tensor};
use kernels::{Norm, Path, with};

#[test]
fn every_path_equals_candle() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        with(on(path), || {
            for (i, case) in cases().iter().enumerate() {
                for relu in [true, false] {
                    let mut case = case.clone();
                    case.form.relu = relu;
                    let what = |part: &str| format!("{path}, case {i}, ReLU {relu}: {part}");
                    let norm = Norm::Batch { epsilon: 1e-5 };
                    let (fused, reference) = (case.fused_with(&norm), case.reference_with(&norm));
                    assert_eq!(fused.map.dims(), reference.map.dims());
                    assert_close(&what("output"), &flat(&fused.map), &flat(&reference.map), 2e-5);
                    for ((name, got), (_, expected)) in case.gradients(&fused).iter().zip(case.gradients(&reference)) {
                        assert_close(&what(name), got, &expected, 5e-5);
                    }
                    let (fused, reference) = (fused.statistics.unwrap(), reference.statistics.unwrap());
                    assert_eq!(fused.count, reference.count);
                    assert_close(&what("mean"), &flat(&fused.mean), &flat(&reference.mean), 1e-5);
                    assert_close(&what("variance"), &flat(&fused.variance), &flat(&reference.variance), 1e-5);

                    let n_out = case.scale.dim(0).unwrap();
                    let (mean, variance) = (tensor(&[n_out], 6), (tensor(&[n_out], 7) + 1.5).unwrap());
                    let norm = Norm::Running { mean: &mean, variance: &variance, epsilon: 1e-5 };
                    let (fused, reference) = (case.fused_with(&norm), case.reference_with(&norm));
                    assert_close(&what("evaluation"), &flat(&fused.map), &flat(&reference.map), 2e-5);
                    assert!(fused.statistics.is_none());
                }
            }
        });
    }
}
