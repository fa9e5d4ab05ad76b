//! Settings of a device that are made once, when it is opened.

use crate::Error;
use candle_core::Device;

/// Makes a CUDA device keep the memory of freed tensors, and switches off what only several streams need.
///
/// A pool of CUDA's gives free memory back to the system whenever the host waits for the device, and a training step,
/// which waits for its loss, would ask for all of it anew. And candle's tensors each make two events that nothing waits
/// for, as long as one stream does all the work. Does nothing on other devices.
///
/// # Errors
/// An error of the driver.
pub fn settle_device(device: &Device) -> Result<(), Error> {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(device) = device {
        cuda::keep_memory(device)?;
    }
    let _ = device;
    Ok(())
}

/// Whether a device that is not the CPU multiplies bf16 in hardware.
pub(crate) fn multiplies_bf16(device: &Device) -> Result<bool, Error> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => Ok(cuda::capability(device)?.0 >= 8),
        _ => Ok(false),
    }
}

/// Bytes of a card's memory that nobody has, those that [`settle_device`] has kept included; none for what has no memory of its
/// own.
///
/// # Errors
/// An error of the driver.
pub fn free_bytes(device: &Device) -> Result<Option<u64>, Error> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => Ok(Some(cuda::free_bytes(device)?)),
        _ => Ok(None),
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use candle_core::CudaDevice;
    use candle_core::cuda_backend::WrapErr;
    use candle_core::cuda_backend::cudarc::driver::{result, sys};

    /// The compute capability, its two parts.
    pub(super) fn capability(device: &CudaDevice) -> candle_core::Result<(i32, i32)> {
        device.cuda_stream().context().compute_capability().w()
    }

    pub(super) fn free_bytes(device: &CudaDevice) -> candle_core::Result<u64> {
        let context = device.cuda_stream().context().clone();
        let (mut reserved, mut used) = (0u64, 0u64);
        // SAFETY: the device is the open one's own; both attributes are a u64, which is written before the call returns.
        unsafe {
            let pool = result::device::get_default_mem_pool(context.cu_device()).w()?;
            let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT;
            result::mem_pool::get_attribute(pool, attribute, (&raw mut reserved).cast()).w()?;
            let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT;
            result::mem_pool::get_attribute(pool, attribute, (&raw mut used).cast()).w()?;
        }
        Ok(context.mem_get_info().w()?.0 as u64 + reserved.saturating_sub(used))
    }

    pub(super) fn keep_memory(device: &CudaDevice) -> candle_core::Result<()> {
        let context = device.cuda_stream().context().clone();
        let mut all = u64::MAX;
        // SAFETY: the device is the open one's own; the attribute is a u64, which is read before the call returns.
        unsafe {
            let pool = result::device::get_default_mem_pool(context.cu_device()).w()?;
            let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            result::mem_pool::set_attribute(pool, threshold, (&raw mut all).cast()).w()?;
            // One stream, in whose order memory is taken and given back: events between streams guard nothing.
            device.disable_event_tracking();
        }
        Ok(())
    }
}
