//! A result that is computed already, as one operation of candle with a backward pass.

use crate::on_device::joined::Out;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail,
};

/// The gradients of an operation's arguments, from its result and that one's gradient.
type Gradients = [Option<Tensor>; 3];

struct Joined<B> {
    name: &'static str,
    out: Out,
    back: B,
}

/// Puts `result` into the graph as what was made of `arguments`, one to three. `back` gets the result and its gradient, and
/// gives those of the arguments.
///
/// # Errors
/// Another number of arguments.
pub(super) fn join<B>(
    name: &'static str,
    arguments: &[&Tensor],
    (result, shape): (Storage, Shape),
    back: B,
) -> Result<Tensor>
where
    B: Fn(&Tensor, &Tensor) -> Result<Gradients> + Send + Sync + 'static,
{
    let joined = Joined { name, out: Out::new(result, shape), back };
    match arguments {
        [a] => a.apply_op1(joined),
        [a, b] => a.apply_op2(b, joined),
        [a, b, c] => a.apply_op3(b, c, joined),
        _ => bail!("{name}: an operation of {} arguments", arguments.len()),
    }
}

impl<B: Fn(&Tensor, &Tensor) -> Result<Gradients>> CustomOp1 for Joined<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [a, ..] = (self.back)(result, gradient)?;
        Ok(a)
    }
}

impl<B: Fn(&Tensor, &Tensor) -> Result<Gradients>> CustomOp2 for Joined<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [a, b, _] = (self.back)(result, gradient)?;
        Ok((a, b))
    }
}

impl<B: Fn(&Tensor, &Tensor) -> Result<Gradients>> CustomOp3 for Joined<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.out.cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.out.cuda()
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [a, b, c] = (self.back)(result, gradient)?;
        Ok((a, b, c))
    }
}
