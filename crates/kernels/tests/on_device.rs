//! The fused pieces of devices: every body of each against its twin on the CPU. With the feature `cuda-emulated` the
//! kernels' own source is among them: `scripts/check-cuda-kernels.sh`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use candle_core::{DType, Tensor};
use common::{assert_close, flat, tensor};
use kernels::on_device::{Body, norm_forward};

/// Runs `work` with every body and compares what it gives with the twin's, within `tolerance` of the largest value; with
/// the kernels twice, the threads in either order.
fn with_bodies(what: &str, tolerance: f32, work: impl Fn(Body) -> Vec<Tensor>) {
    let twin = work(Body::Twin);
    let same = |body: &str, got: Vec<Tensor>| {
        assert_eq!(got.len(), twin.len());
        for (nth, (got, expected)) in got.iter().zip(&twin).enumerate() {
            assert_eq!((got.dims(), got.dtype()), (expected.dims(), expected.dtype()), "{what}, {body}, {nth}");
            let values = |tensor: &Tensor| flat(&tensor.to_dtype(DType::F32).unwrap());
            assert_close(&format!("{what}, {body}, {nth}"), &values(got), &values(expected), tolerance);
        }
    };
    same("operations", work(Body::Operations));
    #[cfg(feature = "cuda-emulated")]
    {
        let one = work(Body::Kernel);
        let other = kernels::on_device::last_first(|| work(Body::Kernel));
        for (one, other) in one.iter().zip(&other) {
            let bits = |tensor: &Tensor| -> Vec<u32> {
                flat(&tensor.to_dtype(DType::F32).unwrap()).iter().map(|value| value.to_bits()).collect()
            };
            assert_eq!(bits(one), bits(other), "{what}: the order of the threads matters");
        }
        same("kernel", one);
    }
}

/// The types of values, and how close bodies come: a value that lies between two of bf16 may be rounded either way.
const TYPES: [(DType, f32); 2] = [(DType::F32, 2e-6), (DType::BF16, 8e-3)];

#[test]
fn norm() {
    for (dtype, tolerance) in TYPES {
        for dims in [[1, 2], [9, 66], [17, 384], [3, 1026]] {
            let x = ((tensor(&dims, 1) * 3.0).unwrap() + 0.5).unwrap();
            let (scale, shift) = (tensor(&[dims[1]], 2), tensor(&[dims[1]], 3));
            with_bodies(&format!("norm {dims:?}"), tolerance, |body| {
                let normal = norm_forward(body, &x, [&scale, &shift], 1e-6, dtype).unwrap();
                vec![normal.rows, normal.mean, normal.inverse]
            });
        }
    }
}
