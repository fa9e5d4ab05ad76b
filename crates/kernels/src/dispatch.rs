//! Loops that are compiled for each set of instructions, beyond the kernels that [`Table`] names one by one.

use crate::Path;
use crate::simd::Simd;
use crate::table::Table;

/// A piece of work that is written once over a vector type.
pub(crate) trait Work {
    /// What it gives.
    type Out;

    /// Does it; to be `#[inline(always)]`, so that it is compiled with the caller's instructions.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    unsafe fn run<S: Simd>(self) -> Self::Out;
}

impl Table {
    /// Does a piece of work with this table's instructions.
    pub(crate) fn run<W: Work>(&self, work: W) -> W::Out {
        // SAFETY: a table is that of its path only where the processor has the instructions, see `Table::of`.
        unsafe {
            match self.path {
                #[cfg(target_arch = "aarch64")]
                Path::Neon => neon(work),
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => avx2(work),
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 if is_x86_feature_detected!("avx512bf16") => avx512_bf16(work),
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 => avx512(work),
                _ => work.run::<crate::simd::portable::Lanes<4>>(),
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
unsafe fn neon<W: Work>(work: W) -> W::Out {
    // SAFETY: the caller's processor has the instructions.
    unsafe { work.run::<crate::simd::neon::Neon>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<W: Work>(work: W) -> W::Out {
    // SAFETY: as above.
    unsafe { work.run::<crate::simd::x86::Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512<W: Work>(work: W) -> W::Out {
    // SAFETY: as above.
    unsafe { work.run::<crate::simd::x86::Avx512<false>>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn avx512_bf16<W: Work>(work: W) -> W::Out {
    // SAFETY: as above.
    unsafe { work.run::<crate::simd::x86::Avx512<true>>() }
}
