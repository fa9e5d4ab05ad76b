//! Launches on an NVIDIA card.

use super::launch::Launch;
use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, LaunchConfig, PushKernelArg, SyncOnDrop,
};
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Result, Shape, Storage, Tensor, bail};
use half::bf16;

/// The kernels as `build.rs` has compiled them: a constant for each file.
mod ptx {
    #![allow(missing_docs, unreachable_pub, reason = "written by the build")]
    include!(concat!(env!("OUT_DIR"), "/ptx.rs"));

    pub(super) fn of(module: &str) -> Option<&'static str> {
        Some(match module {
            "adamw" => ADAMW,
            "block" => BLOCK,
            "clips" => CLIPS,
            "columns" => COLUMNS,
            "heads" => HEADS,
            "norm" => NORM,
            "patches" => PATCHES,
            "pools" => POOLS,
            "separable" => SEPARABLE,
            _ => return None,
        })
    }
}

/// Memory that a kernel fills.
enum Written {
    F32(CudaSlice<f32>),
    Bf16(CudaSlice<bf16>),
    F64(CudaSlice<f64>),
    U32(CudaSlice<u32>),
    U8(CudaSlice<u8>),
}

pub(super) fn run<const N: usize>(
    launch: &Launch<'_>,
    device: &CudaDevice,
    writes: [(Shape, DType); N],
) -> Result<[Storage; N]> {
    let (name, module) = (launch.full_name()?, launch.module());
    let Some(ptx) = ptx::of(module) else { bail!("{name}: there are no kernels {module}") };
    let function = device.get_or_load_custom_func(&name, &format!("barkbird-{module}"), ptx)?;
    let stream = device.cuda_stream();

    let mut written = Vec::with_capacity(N);
    for (shape, dtype) in &writes {
        let len = shape.elem_count();
        // SAFETY: the kernel writes every value before anything reads one: that is what its tests with poisoned memory show.
        written.push(match dtype {
            DType::F32 => Written::F32(unsafe { device.alloc(len)? }),
            DType::BF16 => Written::Bf16(unsafe { device.alloc(len)? }),
            DType::F64 => Written::F64(unsafe { device.alloc(len)? }),
            DType::U32 => Written::U32(unsafe { device.alloc(len)? }),
            DType::U8 => Written::U8(unsafe { device.alloc(len)? }),
            other => bail!("{name}: no kernel writes {other:?}"),
        });
    }
    {
        let storages: Vec<_> = launch.tensors().map(|tensor| tensor.map(Tensor::storage_and_layout)).collect();
        // Pointers, each with what marks its tensor as in use until the launch is in the stream.
        let mut pointers = Vec::with_capacity(storages.len());
        let mut guards = Vec::with_capacity(storages.len());
        for found in &storages {
            let Some((storage, layout)) = found else {
                pointers.push(0u64);
                continue;
            };
            let (Storage::Cuda(storage), Some((start, _))) = (&**storage, layout.contiguous_offsets()) else {
                bail!("{name}: expected contiguous tensors on one CUDA device")
            };
            let (pointer, guard) = match storage.dtype() {
                DType::F32 => pointer::<f32>(storage, start, &stream)?,
                DType::BF16 => pointer::<bf16>(storage, start, &stream)?,
                DType::F64 => pointer::<f64>(storage, start, &stream)?,
                DType::U32 => pointer::<u32>(storage, start, &stream)?,
                DType::U8 => pointer::<u8>(storage, start, &stream)?,
                other => bail!("{name}: no kernel reads {other:?}"),
            };
            pointers.push(pointer);
            guards.push(guard);
        }
        let mut builder = function.builder();
        pointers.iter().for_each(|pointer| {
            builder.arg(pointer);
        });
        written.iter_mut().for_each(|written| {
            match written {
                Written::F32(slice) => builder.arg(slice),
                Written::Bf16(slice) => builder.arg(slice),
                Written::F64(slice) => builder.arg(slice),
                Written::U32(slice) => builder.arg(slice),
                Written::U8(slice) => builder.arg(slice),
            };
        });
        launch.ints().iter().for_each(|int| {
            builder.arg(int);
        });
        launch.floats().iter().for_each(|float| {
            builder.arg(float);
        });
        let ([across, down], block) = launch.grid_and_block();
        let config = LaunchConfig { grid_dim: (across, down, 1), block_dim: (block, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the arguments are those of the kernel, in its order: emulation runs every launch of the tests.
        unsafe { builder.launch(config) }.w()?;
        drop(guards);
    }
    let mut storages = written.into_iter().map(|written| {
        Storage::Cuda(match written {
            Written::F32(slice) => CudaStorage::wrap_cuda_slice(slice, device.clone()),
            Written::Bf16(slice) => CudaStorage::wrap_cuda_slice(slice, device.clone()),
            Written::F64(slice) => CudaStorage::wrap_cuda_slice(slice, device.clone()),
            Written::U32(slice) => CudaStorage::wrap_cuda_slice(slice, device.clone()),
            Written::U8(slice) => CudaStorage::wrap_cuda_slice(slice, device.clone()),
        })
    });
    Ok(std::array::from_fn(|_| storages.next().unwrap_or_else(|| unreachable!("as many as were asked for"))))
}

/// Where the values of a tensor start on the card.
fn pointer<'a, T: CudaDType + 'static>(
    storage: &'a CudaStorage,
    start: usize,
    stream: &'a CudaStream,
) -> Result<(u64, SyncOnDrop<'a>)> {
    let (pointer, guard) = storage.as_cuda_slice::<T>()?.device_ptr(stream);
    Ok((pointer + (start * size_of::<T>()) as u64, guard))
}
