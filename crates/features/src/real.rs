//! The numbers that a transform computes with.

use rustfft::FftNum;

/// The arithmetic of a transform.
pub(crate) trait Real: FftNum {
    fn of_f32(x: f32) -> Self;
    fn of_f64(x: f64) -> Self;
    fn to_f32(self) -> f32;
}

impl Real for f32 {
    fn of_f32(x: f32) -> Self {
        x
    }
    fn of_f64(x: f64) -> Self {
        x as f32
    }
    fn to_f32(self) -> f32 {
        self
    }
}

impl Real for f64 {
    fn of_f32(x: f32) -> Self {
        f64::from(x)
    }
    fn of_f64(x: f64) -> Self {
        x
    }
    fn to_f32(self) -> f32 {
        self as f32
    }
}
