//! Matrix products whose factors are rounded to bf16 (the upper half of an `f32`) and whose sums are `f32`, in the tile
//! registers that x86 calls AMX: about five times the speed of 512-bit vectors.
//!
//! Operands are rounded and packed into tiles (`pack.rs`), blocks of the result are summed up by an order of tile
//! operations that is written once (`multiply.rs`) over what a processor does with tiles (`tiles.rs`): the real one
//! (`amx.rs`), and one in plain Rust, for tests on machines that have none.
#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "only the tests multiply where there is no AMX")
)]

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(test)]
mod emulated;
mod matrix;
mod multiply;
mod pack;
#[cfg(test)]
mod tests;
mod tiles;

pub use matrix::Matrix;

use crate::{Error, Precision};

/// What becomes of the values that the result's place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// They are overwritten, whatever they are.
    Replace,
    /// They are the start of the sums.
    Add,
}

/// Whether [`product`] can run here.
pub(crate) fn is_available() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    return amx::is_available();
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// `c = a b`, or `c += a b`, with `a` and `b` rounded to bf16 (to nearest, ties to even).
///
/// The error of a value is within 2^-7 of the sum of its products' absolute values: 2^-8 for each
/// factor, which few sums come near. What is not a number or infinite
/// stays so; values below 2^-126 count as 0. The result has the same bytes for any number of threads.
///
/// # Shapes
/// `a`: `[M, K]`; `b`: `[K, N]`; `c`: `[M, N]`, row by row.
///
/// # Errors
/// Shapes that do not fit, or a processor or system without [`Precision::Bf16`].
pub fn product(a: Matrix<'_>, b: Matrix<'_>, write: Write, c: &mut [f32]) -> Result<(), Error> {
    check(a, b, c)?;
    if !is_available() {
        return Err(Error::Precision(Precision::Bf16));
    }
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    // SAFETY: AMX is available.
    unsafe {
        multiply::multiply::<amx::Amx>(a, b, write, c);
    }
    Ok(())
}

fn check(a: Matrix<'_>, b: Matrix<'_>, c: &[f32]) -> Result<(), Error> {
    let error =
        |what, expected: String, got: String| Err(Error::Shape { operation: "bf16 product", what, expected, got });
    if b.n_rows() != a.n_columns() {
        return error("b", format!("[{}, N]", a.n_columns()), format!("[{}, {}]", b.n_rows(), b.n_columns()));
    }
    if c.len() != a.n_rows() * b.n_columns() {
        return error("c", format!("{} x {} values", a.n_rows(), b.n_columns()), format!("{}", c.len()));
    }
    Ok(())
}
