//! Tiles of processors with AMX, by inline assembly: Rust's own functions for them are not stable.
//!
//! Each block of assembly is one instruction, and the tiles keep their values from one to the next. The compiler cannot
//! spoil them: it uses no tile register of its own accord, and the system saves them with the thread's other registers.

use super::tiles::{SIDE, Tiles};
use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Whether this processor multiplies tiles of bf16 and the system lets this process do it. The first call asks for it.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    // Miri runs no assembly.
    *AVAILABLE.get_or_init(|| !cfg!(miri) && has_instructions() && ask_permission())
}

fn has_instructions() -> bool {
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & (AMX_BF16 | AMX_TILE) == AMX_BF16 | AMX_TILE
}

/// The state of the tiles is 8 KiB a thread, which Linux gives only to processes that ask for it.
fn ask_permission() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let result: i64;
    // SAFETY: a system call that touches no memory of ours; it overwrites rcx and r11 beside its result. A system that
    // does not know it answers with an error.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// What the eight registers hold, as the instruction reads it.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    n_rows: [u8; 16],
}

/// The registers of this thread, given back when it is dropped.
pub(super) struct Amx {
    /// Of this thread: neither sent to another one nor shared with it.
    of_thread: PhantomData<*mut ()>,
}

impl Tiles for Amx {
    #[inline(always)]
    unsafe fn configure() -> Self {
        let mut of_eight = ([0; 16], [0; 16]);
        of_eight.0[..8].fill(64);
        of_eight.1[..8].fill(SIDE as u8);
        let (row_bytes, n_rows) = of_eight;
        let configuration = Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, n_rows };
        // SAFETY: the caller has asked `is_available`; the configuration is 64 bytes that the instruction accepts.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly, preserves_flags)) }
        Self { of_thread: PhantomData }
    }

    #[inline(always)]
    fn zero<const REGISTER: usize>(&mut self) {
        // SAFETY: `self` exists, so the tiles are configured on this thread.
        unsafe { asm!("tilezero tmm{r}", r = const REGISTER, options(nostack, nomem, preserves_flags)) }
    }

    #[inline(always)]
    unsafe fn load<const REGISTER: usize>(&mut self, from: *const u8, row: usize) {
        // SAFETY: as in `zero`; the caller's pointer is valid for 16 rows.
        unsafe {
            asm!(
                "tileloadd tmm{r}, [{from} + {row}]",
                r = const REGISTER,
                from = in(reg) from,
                row = in(reg) row,
                options(nostack, readonly, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn multiply_add<const SUMS: usize, const LEFT: usize, const RIGHT: usize>(&mut self) {
        // SAFETY: as in `zero`.
        unsafe {
            asm!(
                "tdpbf16ps tmm{sums}, tmm{left}, tmm{right}",
                sums = const SUMS,
                left = const LEFT,
                right = const RIGHT,
                options(nostack, nomem, preserves_flags),
            );
        }
    }

    #[inline(always)]
    unsafe fn store_sums<const REGISTER: usize>(&self, to: *mut u8, row: usize) {
        // SAFETY: as in `zero`; the caller's pointer is valid for 16 rows.
        unsafe {
            asm!(
                "tilestored [{to} + {row}], tmm{r}",
                to = in(reg) to,
                row = in(reg) row,
                r = const REGISTER,
                options(nostack, preserves_flags),
            );
        }
    }
}

impl Drop for Amx {
    fn drop(&mut self) {
        // SAFETY: as in `zero`. Without it the system would go on saving the tiles with every change of thread.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
    }
}
