//! Launches of the kernels' own source, compiled for the CPU: see `cuda/emulation.h`.

use super::launch::Launch;
use candle_core::{CpuStorage, DType, Result, Shape, Storage, Tensor, bail};
use half::bf16;
use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};

unsafe extern "C" {
    fn barkbird_emulated_launch(
        name: *const c_char,
        grid_x: c_uint,
        grid_y: c_uint,
        block: c_uint,
        arguments: *mut *mut c_void,
        n_arguments: usize,
        backward: bool,
    ) -> c_int;
}

thread_local! {
    static BACKWARD: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the last threads and blocks first. A kernel that lacks a barrier gives something else than otherwise.
pub fn last_first<T>(work: impl FnOnce() -> T) -> T {
    let before = BACKWARD.replace(true);
    let out = work();
    BACKWARD.set(before);
    out
}

/// Memory that a kernel fills.
enum Written {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    F64(Vec<f64>),
    U32(Vec<u32>),
    U8(Vec<u8>),
}

pub(super) fn run<const N: usize>(launch: &Launch<'_>, writes: [(Shape, DType); N]) -> Result<[Storage; N]> {
    let name = launch.full_name()?;
    let mut written = Vec::with_capacity(N);
    for (shape, dtype) in &writes {
        let len = shape.elem_count();
        // What is left unwritten is seen.
        written.push(match dtype {
            DType::F32 => Written::F32(vec![f32::NAN; len]),
            DType::BF16 => Written::Bf16(vec![bf16::NAN; len]),
            DType::F64 => Written::F64(vec![f64::NAN; len]),
            DType::U32 => Written::U32(vec![u32::MAX; len]),
            DType::U8 => Written::U8(vec![0x55; len]),
            other => bail!("{name}: no kernel writes {other:?}"),
        });
    }
    {
        let storages: Vec<_> = launch.tensors().map(|tensor| tensor.map(Tensor::storage_and_layout)).collect();
        let mut pointers: Vec<*const c_void> = Vec::with_capacity(storages.len() + N);
        for found in &storages {
            let Some((storage, layout)) = found else {
                pointers.push(std::ptr::null());
                continue;
            };
            let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets()) else {
                bail!("{name}: expected contiguous tensors on the CPU")
            };
            pointers.push(match storage {
                CpuStorage::F32(values) => values[start..end].as_ptr().cast(),
                CpuStorage::BF16(values) => values[start..end].as_ptr().cast(),
                CpuStorage::F64(values) => values[start..end].as_ptr().cast(),
                CpuStorage::U32(values) => values[start..end].as_ptr().cast(),
                CpuStorage::U8(values) => values[start..end].as_ptr().cast(),
                _ => bail!("{name}: no kernel reads this type"),
            });
        }
        pointers.extend(written.iter_mut().map(|written| match written {
            Written::F32(values) => values.as_mut_ptr().cast_const().cast(),
            Written::Bf16(values) => values.as_mut_ptr().cast_const().cast(),
            Written::F64(values) => values.as_mut_ptr().cast_const().cast(),
            Written::U32(values) => values.as_mut_ptr().cast_const().cast(),
            Written::U8(values) => values.as_mut_ptr().cast_const().cast(),
        }));
        // A pointer to each argument.
        let mut arguments: Vec<*mut c_void> = Vec::new();
        arguments.extend(pointers.iter().map(|pointer| (&raw const *pointer).cast_mut().cast()));
        arguments.extend(launch.ints().iter().map(|int| (&raw const *int).cast_mut().cast()));
        arguments.extend(launch.floats().iter().map(|float| (&raw const *float).cast_mut().cast()));
        let ([across, down], block) = launch.grid_and_block();
        let c_name = CString::new(name.as_str()).map_err(candle_core::Error::wrap)?;
        // SAFETY: the tensors are held, and the kernel is launched with as many arguments as it has; their kinds are for the
        // tests to show, which alone reach this.
        let status = unsafe {
            let (arguments, n_arguments) = (arguments.as_mut_ptr(), arguments.len());
            let backward = BACKWARD.get();
            barkbird_emulated_launch(c_name.as_ptr(), across, down, block, arguments, n_arguments, backward)
        };
        match status {
            0 => {}
            1 => bail!("{name}: there is no such kernel"),
            2 => bail!("{name}: launched with {} arguments, which is not their number", arguments.len()),
            _ => bail!("{name}: a block of {block} threads is not of whole warps"),
        }
    }
    let mut storages = written.into_iter().map(|written| {
        Storage::Cpu(match written {
            Written::F32(values) => CpuStorage::F32(values),
            Written::Bf16(values) => CpuStorage::BF16(values),
            Written::F64(values) => CpuStorage::F64(values),
            Written::U32(values) => CpuStorage::U32(values),
            Written::U8(values) => CpuStorage::U8(values),
        })
    });
    Ok(std::array::from_fn(|_| storages.next().unwrap_or_else(|| unreachable!("as many as were asked for"))))
}
