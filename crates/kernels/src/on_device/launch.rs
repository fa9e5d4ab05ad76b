//! A launch of a kernel of `cuda/`, on a card or emulated.

use candle_core::backend::BackendStorage;
use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Shape, Storage, Tensor, bail};

/// A kernel, and what it is launched with.
///
/// Its parameters are, in this order: tensors that it reads, tensors that it changes, tensors that it writes, ints, floats.
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only a card asks for all of it"))]
pub(crate) struct Launch<'a> {
    /// The file that has it, without its ending.
    module: &'static str,
    /// Its name, without the type that it ends with.
    name: &'static str,
    /// The type it is compiled for; none for a kernel that there is once.
    value: Option<DType>,
    grid: [usize; 2],
    block: usize,
    reads: Vec<Option<Tensor>>,
    changes: Vec<&'a Tensor>,
    ints: Vec<i32>,
    floats: Vec<f32>,
}

impl<'a> Launch<'a> {
    /// The kernel `name` of the file `module`, compiled for `value`: f32 or bf16.
    pub(crate) fn of(module: &'static str, name: &'static str, value: DType) -> Self {
        Self { value: Some(value), ..Self::once(module, name) }
    }

    /// The kernel `name` of the file `module`, which has one for all types.
    pub(crate) fn once(module: &'static str, name: &'static str) -> Self {
        let (grid, block) = ([1; 2], 256);
        let (reads, changes, ints, floats) = Default::default();
        Self { module, name, value: None, grid, block, reads, changes, ints, floats }
    }

    /// Blocks across and down, and the threads of each: whole warps.
    pub(crate) fn grid(mut self, across: usize, down: usize, block: usize) -> Self {
        (self.grid, self.block) = ([across, down], block);
        self
    }

    /// One more tensor to read, of any layout: f32, bf16, f64, u32 or u8.
    pub(crate) fn read(self, tensor: &Tensor) -> Result<Self> {
        self.read_if(Some(tensor))
    }

    /// The same, or a null pointer.
    pub(crate) fn read_if(mut self, tensor: Option<&Tensor>) -> Result<Self> {
        // Pairs have to be aligned.
        let aligned = |tensor: &Tensor| {
            let tensor = tensor.contiguous()?;
            if tensor.layout().start_offset().is_multiple_of(2) { Ok(tensor) } else { tensor.force_contiguous() }
        };
        self.reads.push(tensor.map(aligned).transpose()?);
        Ok(self)
    }

    /// One more tensor to change in place: contiguous, and in nobody else's hands while the kernel runs.
    pub(crate) fn change(mut self, tensor: &'a Tensor) -> Self {
        self.changes.push(tensor);
        self
    }

    /// One more int. Sizes up to 2^31 are told; products of them are computed in 64 bits by the kernels.
    pub(crate) fn int(mut self, value: usize) -> Result<Self> {
        self.ints.push(i32::try_from(value).map_err(candle_core::Error::wrap)?);
        Ok(self)
    }

    /// Blocks of 256 threads, at least so many threads in all.
    pub(crate) fn threads(self, n: usize) -> Self {
        self.grid(n.div_ceil(256), 1, 256)
    }

    /// More ints.
    pub(crate) fn ints_of(mut self, values: &[usize]) -> Result<Self> {
        for value in values {
            self = self.int(*value)?;
        }
        Ok(self)
    }

    /// One more float.
    pub(crate) fn float(mut self, value: f32) -> Self {
        self.floats.push(value);
        self
    }

    /// Runs it; the tensors that it has written.
    ///
    /// # Errors
    /// A device that has no kernels, a kernel that there is not, or an error of the driver.
    pub(crate) fn run<const N: usize>(self, writes: [(Shape, DType); N]) -> Result<[Tensor; N]> {
        let mut shapes = writes.clone().into_iter().map(|(shape, _)| shape);
        let storages = self.storages(writes)?;
        Ok(storages.map(|storage| wrapped(storage, shapes.next().unwrap_or(Shape::from(0)))))
    }

    /// The same, as what a custom operation of candle has to give.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn storages<const N: usize>(self, writes: [(Shape, DType); N]) -> Result<[Storage; N]> {
        let Some(device) = self.reads.iter().flatten().chain(self.changes.iter().copied()).next() else {
            bail!("{}: no tensor to compute with", self.name)
        };
        let device = device.device().clone();
        if self.grid.contains(&0) {
            bail!("{}: a launch without blocks", self.name);
        }
        match &device {
            #[cfg(feature = "cuda")]
            candle_core::Device::Cuda(device) => super::card::run(&self, device, writes),
            #[cfg(feature = "cuda-emulated")]
            candle_core::Device::Cpu => super::emulated::run(&self, writes),
            _ => {
                let _ = writes;
                bail!("{}: no kernels for {device:?} in this program", self.name)
            }
        }
    }
}

/// A tensor of memory that nobody else has.
pub(crate) fn wrapped(storage: Storage, shape: Shape) -> Tensor {
    Tensor::from_storage(storage, shape, BackpropOp::none(), false)
}

/// A copy of a contiguous tensor's memory.
pub(crate) fn storage_of(tensor: &Tensor) -> Result<Storage> {
    let (storage, layout) = tensor.storage_and_layout();
    Ok(match &*storage {
        Storage::Cpu(storage) => Storage::Cpu(storage.try_clone(layout)?),
        Storage::Cuda(storage) => Storage::Cuda(storage.try_clone(layout)?),
        Storage::Metal(storage) => Storage::Metal(storage.try_clone(layout)?),
    })
}

#[cfg(any(feature = "cuda", feature = "cuda-emulated"))]
impl Launch<'_> {
    /// The name with its type.
    pub(super) fn full_name(&self) -> Result<String> {
        Ok(match self.value {
            None => self.name.to_owned(),
            Some(DType::F32) => format!("{}_f32", self.name),
            Some(DType::BF16) => format!("{}_bf16", self.name),
            Some(other) => bail!("{}: expected F32 or BF16, got {other:?}", self.name),
        })
    }

    /// The file that has the kernel.
    #[cfg(feature = "cuda")]
    pub(super) fn module(&self) -> &'static str {
        self.module
    }

    pub(super) fn grid_and_block(&self) -> ([u32; 2], u32) {
        (self.grid.map(|n| n as u32), self.block as u32)
    }

    /// What is read, then what is changed; none is a null pointer.
    pub(super) fn tensors(&self) -> impl Iterator<Item = Option<&Tensor>> {
        self.reads.iter().map(Option::as_ref).chain(self.changes.iter().map(|tensor| Some(*tensor)))
    }

    pub(super) fn ints(&self) -> &[i32] {
        &self.ints
    }

    pub(super) fn floats(&self) -> &[f32] {
        &self.floats
    }
}
