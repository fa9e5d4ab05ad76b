//! AdamW (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019) over all parameters of a model in one
//! launch, with clipping by the norm of all gradients and the moving average of the weights, and nothing read back.

use super::maps::{fold, host};
use super::{Body, Launch};
use candle_core::{DType, Device, Result, Storage, Tensor, Var, bail};

/// Values of a part, which a block of threads takes: as in `cuda/adamw.cu`. So is what follows.
const PART: usize = 8192;
const THREADS: usize = 256;

/// A parameter and how a step changes it.
#[derive(Debug, Clone)]
pub struct AdamwSlot {
    /// What is trained, `f32`.
    pub parameter: Var,
    /// Weight decay.
    pub decay: f64,
    /// Factor of the learning rate.
    pub rate: f64,
}

/// What a step has the same for all parameters.
#[derive(Debug, Clone, Copy)]
pub struct AdamwStep {
    /// The learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// `1 - beta1^t`, t the number of the step, from 1.
    pub correction1: f64,
    /// `1 - beta2^t`.
    pub correction2: f64,
    /// How much of the average is kept; 1 where there is none.
    pub keep_average: f64,
}

/// The optimizer of a device.
#[derive(Debug)]
pub struct Adamw {
    body: Body,
    slots: Vec<AdamwSlot>,
    /// First moments of all parameters, one after the other, `[n]`.
    pub first: Tensor,
    /// Second moments, `[n]`.
    pub second: Tensor,
    /// The number of a parameter and of the part in it, `[parts, 2]`.
    parts: Tensor,
    /// The largest norm of all gradients, `[1]`, `f64`; 0: none.
    clip_norm: Tensor,
}

impl Adamw {
    /// Moments of zero for parameters of one device, of which there is at least one.
    ///
    /// # Errors
    /// No parameter, one that is not contiguous, or no memory on the device.
    pub fn new(body: Body, slots: Vec<AdamwSlot>, clip_norm: f64) -> Result<Self> {
        let Some(device) = slots.first().map(|slot| slot.parameter.device().clone()) else {
            bail!("adamw: no parameters")
        };
        let n = slots.iter().map(|slot| slot.parameter.elem_count()).sum::<usize>();
        let parts: Vec<u32> = slots
            .iter()
            .enumerate()
            .flat_map(|(nth, slot)| {
                (0..slot.parameter.elem_count().div_ceil(PART)).flat_map(move |part| [nth as u32, part as u32])
            })
            .collect();
        let n_parts = parts.len() / 2;
        Ok(Self {
            body,
            slots,
            first: Tensor::zeros(n, DType::F32, &device)?,
            second: Tensor::zeros(n, DType::F32, &device)?,
            parts: Tensor::from_vec(parts, (n_parts, 2), &device)?,
            clip_norm: Tensor::new(&[clip_norm], &device)?,
        })
    }

    /// One step against the gradients, which are as many as the parameters and contiguous, and with them the average of the
    /// weights, `[n]`. Gives the square of the gradients' norm, `[1, 1]`, `f64`; where that is not finite, nothing has been
    /// changed. It stays on the device: to read it is to wait for the step.
    ///
    /// # Errors
    /// Gradients that do not fit, or an error of the device.
    pub fn step(&mut self, gradients: &[Tensor], step: &AdamwStep, average: Option<&mut Tensor>) -> Result<Tensor> {
        let fits = |(slot, gradient): (&AdamwSlot, &Tensor)| {
            slot.parameter.dims() == gradient.dims() && gradient.is_contiguous() && gradient.dtype() == DType::F32
        };
        if gradients.len() != self.slots.len() || !self.slots.iter().zip(gradients).all(fits) {
            bail!("adamw: gradients that do not fit the parameters");
        }
        match self.body {
            Body::Kernel => self.launch(gradients, step, average.as_deref()),
            Body::Twin => self.compute(gradients, step, average),
            Body::Operations => bail!("adamw: only on a CUDA device"),
        }
    }

    fn launch(&self, gradients: &[Tensor], step: &AdamwStep, average: Option<&Tensor>) -> Result<Tensor> {
        let n_parts = self.parts.dim(0)?;
        let table = self.table(gradients, step)?;
        let squares = Launch::once("adamw", "gradient_squares").grid(n_parts, 1, THREADS);
        let squares = squares.read(&table)?.read(&self.parts)?;
        let [sums] = squares.run([((n_parts * THREADS, 1).into(), DType::F64)])?;
        let square = fold(self.body, sums)?;
        let mut launch = Launch::once("adamw", "adamw").grid(n_parts, 1, THREADS);
        for tensor in [&table, &self.parts, &square, &self.clip_norm] {
            launch = launch.read(tensor)?;
        }
        // Where there is no average, nothing is written to it.
        launch = launch.change(&self.first).change(&self.second).change(average.unwrap_or(&self.second));
        launch = launch.int(average.is_some().into())?;
        for factor in step.factors() {
            launch = launch.float(factor);
        }
        let [] = launch.run([])?;
        Ok(square)
    }

    /// What `struct Parameter` of `cuda/adamw.cu` has, for each of them, in words of 32 bits.
    fn table(&self, gradients: &[Tensor], step: &AdamwStep) -> Result<Tensor> {
        let (mut words, mut place) = (Vec::new(), 0u64);
        for (slot, gradient) in self.slots.iter().zip(gradients) {
            let n = slot.parameter.elem_count();
            for long in [address(slot.parameter.as_tensor())?, address(gradient)?, place] {
                words.extend([long as u32, (long >> 32) as u32]);
            }
            let (keep, rate) = step.of(slot);
            words.extend([u32::try_from(n).map_err(candle_core::Error::wrap)?, keep.to_bits(), rate.to_bits(), 0]);
            place += n as u64;
        }
        let n_words = words.len();
        Tensor::from_vec(words, n_words, self.first.device())
    }

    /// The twin of both kernels.
    fn compute(&mut self, gradients: &[Tensor], step: &AdamwStep, average: Option<&mut Tensor>) -> Result<Tensor> {
        let mut sums = Vec::new();
        for gradient in gradients {
            for part in host::<f32>(gradient)?.chunks(PART) {
                sums.extend((0..THREADS).map(|thread| {
                    let own = part.iter().skip(thread).step_by(THREADS);
                    own.fold(0f64, |sum, value| f64::from(*value).mul_add(f64::from(*value), sum))
                }));
            }
        }
        let n_sums = sums.len();
        let square = fold(self.body, Tensor::from_vec(sums, (n_sums, 1), &Device::Cpu)?)?;
        let (norm, most) = (host::<f64>(&square)?[0].sqrt(), host::<f64>(&self.clip_norm)?[0]);
        if !norm.is_finite() {
            return Ok(square);
        }
        let clip = if most > 0.0 && norm > most { (most / norm) as f32 } else { 1.0 };
        let [keep1, rest1, keep2, rest2, root_scale, eps, kept, taken] = step.factors();
        let (mut first, mut second) = (host::<f32>(&self.first)?, host::<f32>(&self.second)?);
        let mut averages = average.as_deref().map(host::<f32>).transpose()?;
        let mut place = 0;
        for (slot, gradient) in self.slots.iter().zip(gradients) {
            let (keep, rate) = step.of(slot);
            let mut values = host::<f32>(slot.parameter.as_tensor())?;
            for (value, gradient) in values.iter_mut().zip(host::<f32>(gradient)?) {
                let (m, v, gradient) = (&mut first[place], &mut second[place], gradient * clip);
                *m = keep1 * *m + rest1 * gradient;
                *v = keep2 * *v + rest2 * (gradient * gradient);
                *value = keep * *value - rate * *m / (v.sqrt() * root_scale + eps);
                if let Some(averages) = &mut averages {
                    averages[place] = kept * averages[place] + taken * *value;
                }
                place += 1;
            }
            slot.parameter.set(&Tensor::from_vec(values, slot.parameter.shape(), &Device::Cpu)?)?;
        }
        self.first = Tensor::from_vec(first, place, &Device::Cpu)?;
        self.second = Tensor::from_vec(second, place, &Device::Cpu)?;
        if let (Some(average), Some(averages)) = (average, averages) {
            *average = Tensor::from_vec(averages, place, &Device::Cpu)?;
        }
        Ok(square)
    }
}

impl AdamwStep {
    /// What is left of a parameter's values, and the factor of their change.
    fn of(&self, slot: &AdamwSlot) -> (f32, f32) {
        let lr = self.lr * slot.rate;
        ((1.0 - lr * slot.decay) as f32, (lr / self.correction1) as f32)
    }

    /// The scalars of the kernel, in its order.
    fn factors(&self) -> [f32; 8] {
        [
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            1.0 / self.correction2.sqrt(),
            self.eps,
            self.keep_average,
            1.0 - self.keep_average,
        ]
        .map(|factor| factor as f32)
    }
}

/// Where the values of a contiguous tensor of `f32` start, in the memory of its device.
fn address(tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, _)) = layout.contiguous_offsets() else { bail!("adamw: expected contiguous tensors") };
    match &*storage {
        Storage::Cpu(storage) => Ok(storage.as_slice::<f32>()?[start..].as_ptr() as u64),
        #[cfg(feature = "cuda")]
        Storage::Cuda(storage) => {
            use candle_core::cuda_backend::cudarc::driver::DevicePtr;
            let stream = storage.device.cuda_stream();
            let (address, _used) = storage.as_cuda_slice::<f32>()?.device_ptr(&stream);
            Ok(address + (start * size_of::<f32>()) as u64)
        }
        _ => bail!("adamw: only on a CUDA device"),
    }
}
