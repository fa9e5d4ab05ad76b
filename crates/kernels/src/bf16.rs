//! Matrix products whose factors are bf16 and whose sums are `f32`: twice the multiplications of `f32` in the vectors of
//! processors with AVX-512 BF16, several times as many in the tiles of those with AMX.
//!
//! The left operand is stored row by row; the right one in panels of pairs of k, see [`crate::panels`]. Each value of
//! the result is summed up by one thread in the order of k.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod emulated;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vectors;

use crate::stored::Bf16;

/// Columns of a vector of sums, and of a narrow panel; a wide one has two.
pub(crate) const LANES: usize = 16;

/// Steps of k that a tile holds: panels, and rows that are made for tiles, are padded to a multiple of it.
pub(crate) const DEPTH: usize = 32;

/// What is multiplied: `c[i][j] (+)= sum over k of a[i * a_row + k] * b[k][j]`.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    /// Steps of k. Where it is odd, a row has one more value, which is finite.
    pub(crate) n_k: usize,
    pub(crate) a: *const Bf16,
    pub(crate) a_row: usize,
    /// Panels, `n_k` rounded up to [`DEPTH`] steps deep, the added ones zero.
    pub(crate) b: *const Bf16,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) n_columns: usize,
    /// Whether `c` is added to, or overwritten.
    pub(crate) accumulate: bool,
}

/// Multiplies a number of rows.
///
/// # Safety
/// The pointers are valid for the sizes of [`Product`], and the processor has the instructions.
pub(crate) type Multiply = unsafe fn(&Product, usize);

/// A multiplication kernel and its name.
pub(crate) struct Kernel {
    /// `amx`, `avx512-bf16` or `emulated`.
    #[cfg_attr(not(test), allow(dead_code, reason = "tests say which one failed"))]
    pub(crate) name: &'static str,
    pub(crate) multiply: Multiply,
}

/// The kernels of this processor, fastest first, without the emulated one.
fn native() -> Vec<Kernel> {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "nothing is added"))]
    let mut kernels = Vec::new();
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if amx::is_available() {
        kernels.push(Kernel { name: "amx", multiply: tiles::multiply::<amx::Amx> });
    }
    #[cfg(target_arch = "x86_64")]
    if vectors::is_available() {
        kernels.push(Kernel { name: "avx512-bf16", multiply: vectors::multiply });
    }
    kernels
}

/// Every kernel of this processor, fastest first; the last one, in plain Rust, is always available.
pub(crate) fn kernels() -> &'static [Kernel] {
    static KERNELS: std::sync::LazyLock<Vec<Kernel>> = std::sync::LazyLock::new(|| {
        let mut kernels = native();
        kernels.push(Kernel { name: "emulated", multiply: tiles::multiply::<emulated::Emulated> });
        kernels
    });
    &KERNELS
}

/// Whether this processor has a kernel that is faster than f32.
pub(crate) fn is_available() -> bool {
    kernels().len() > 1
}
