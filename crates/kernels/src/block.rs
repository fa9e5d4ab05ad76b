use crate::Error;
use crate::average_pool::average_pool;
use crate::fused::Fused;
use crate::linked::{Link, Map, Slot};
use crate::on_device::{Body, maps};
use candle_core::{Shape, Tensor};
use std::sync::{Arc, OnceLock};

/// How the rows and columns of a map become fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// They do not.
    None,
    /// The largest value of each rectangle; rows and columns that do not fill one are dropped.
    Max {
        /// Rows of a rectangle.
        height: usize,
        /// Columns of a rectangle.
        width: usize,
    },
    /// The mean of each rectangle; rows and columns that do not fill one are dropped.
    Average {
        /// Rows of a rectangle.
        height: usize,
        /// Columns of a rectangle.
        width: usize,
    },
}

impl Pool {
    /// Rows and columns of a rectangle.
    pub fn size(self) -> [usize; 2] {
        match self {
            Self::None => [1, 1],
            Self::Max { height, width } | Self::Average { height, width } => [height, width],
        }
    }
}

/// The form of a block: convolution with a margin of `K / 2` zeros, batch norm, residual, ReLU, pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockForm {
    /// The convolution is computed at every `stride`th row and column, from the first on: 1 or 2.
    pub stride: usize,
    /// Pooling after the ReLU.
    pub pool: Pool,
    /// Whether there is a ReLU.
    pub relu: bool,
    /// Whether the input gets a gradient: not worth its time in a first layer.
    pub input_gradient: bool,
}

/// The trained tensors of a block.
#[derive(Debug, Clone, Copy)]
pub struct BlockWeights<'a> {
    /// `[C_out, C_in, K, K]`, K odd.
    pub conv: &'a Tensor,
    /// Batch norm's factor, `[C_out]`.
    pub scale: &'a Tensor,
    /// Batch norm's summand, `[C_out]`.
    pub shift: &'a Tensor,
}

/// Which mean and variance batch norm takes.
#[derive(Debug, Clone, Copy)]
pub enum Norm<'a> {
    /// Those of this batch: training. The variance is the biased one.
    Batch {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Given ones, `[C_out]` each: evaluation. There is no backward pass through it.
    Running {
        /// The means.
        mean: &'a Tensor,
        /// The variances.
        variance: &'a Tensor,
        /// Added to the variance.
        epsilon: f32,
    },
}

/// Mean and variance of the convolution's output over a batch.
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// `[C_out]`
    pub mean: Tensor,
    /// Divided by `count`, `[C_out]`.
    pub variance: Tensor,
    /// Values of each channel: B * H' * W'.
    pub count: usize,
}

/// What a block makes of its input.
#[derive(Debug, Clone)]
pub struct BlockOutput {
    /// `[B, H' / pool height, W' / pool width, C_out]`, both rounded down
    pub map: Tensor,
    /// With [`Norm::Batch`]; never part of the gradient.
    pub statistics: Option<BatchStatistics>,
}

/// Convolution, batch norm, residual, ReLU and pool of a map whose channels come last, in that order.
///
/// The result is that of PyTorch's modules: tied maxima give the whole gradient to the first, and ReLU has slope 0 at 0.
/// On the CPU it is one fused kernel, whose result does not depend on the number of threads; on other devices candle's
/// operations.
///
/// # Shapes
/// `map`: `[B, H, W, C_in]`; `residual`: `[B, H', W', C_out]`, where H' and W' are H and W over the stride, rounded up.
///
/// # Errors
/// Shapes that do not fit, a stride that is neither 1 nor 2, a pool larger than what it is to pool, or an operation that
/// the device refuses.
pub fn conv_block(
    map: &Tensor,
    weights: &BlockWeights<'_>,
    residual: Option<&Tensor>,
    norm: &Norm<'_>,
    form: &BlockForm,
) -> Result<BlockOutput, Error> {
    let LinkedOutput { map, statistics } = linked_block(&map.clone().into(), weights, residual, norm, form)?;
    Ok(BlockOutput { map: map.into_tensor(), statistics })
}

/// What a block makes of its input, on the way to another.
#[derive(Debug, Clone)]
pub struct LinkedOutput {
    /// As of [`BlockOutput`].
    pub map: Map,
    /// As of [`BlockOutput`].
    pub statistics: Option<BatchStatistics>,
}

/// As [`conv_block`], for blocks that follow each other: gradients of the maps between them take a shorter way back.
///
/// # Errors
/// As [`conv_block`].
pub fn linked_block(
    map: &Map,
    weights: &BlockWeights<'_>,
    residual: Option<&Tensor>,
    norm: &Norm<'_>,
    form: &BlockForm,
) -> Result<LinkedOutput, Error> {
    if !map.device().is_cpu() {
        let BlockOutput { map, statistics } =
            maps::conv_block(Body::of(map.device()), map, weights, residual, norm, form)?;
        return Ok(LinkedOutput { map: map.into(), statistics });
    }
    let size = BlockSize::check(map, weights, residual, norm, form)?;
    let saved = Arc::new(OnceLock::new());
    // Where there is no backward pass there is nothing to shorten.
    let link = matches!(norm, Norm::Batch { .. }).then(Slot::default);
    let block = Fused::new(size, form, norm, Arc::clone(&saved))?.between(map, link.clone())?;
    let made = Arc::clone(&block.made);
    // Operations of candle have at most three arguments.
    let packed = Tensor::cat(&[&weights.conv.flatten_all()?, weights.scale, weights.shift], 0)?;
    let from = match &map.link {
        Some(link) => link.anchor.clone(),
        None => map.contiguous()?,
    };
    let out = match residual {
        None => from.apply_op2(&packed, block)?,
        Some(residual) => from.apply_op3(&packed, &residual.contiguous()?, block)?,
    };
    let statistics = match saved.get() {
        None => None,
        Some(saved) => Some(BatchStatistics {
            mean: Tensor::new(saved.mean.as_slice(), map.device())?,
            variance: Tensor::new(saved.variance.as_slice(), map.device())?,
            count: size.count(),
        }),
    };
    let map = match (link, made.take()) {
        (Some(gradient), Some(values)) => Map::linked(values, size.output(), Link { anchor: out, gradient })?,
        _ => out.into(),
    };
    let map = match form.pool {
        Pool::Average { height, width } => average_pool(&map, height, width)?.into(),
        Pool::None | Pool::Max { .. } => map,
    };
    Ok(LinkedOutput { map, statistics })
}

/// The sizes of a block's tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockSize {
    pub(crate) n_clips: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// The rectangle of a maximum, which the fused operation takes itself.
    pub(crate) pool: [usize; 2],
}

impl BlockSize {
    pub(crate) fn check(
        map: &Tensor,
        weights: &BlockWeights<'_>,
        residual: Option<&Tensor>,
        norm: &Norm<'_>,
        form: &BlockForm,
    ) -> Result<Self, Error> {
        let wrong = |what, expected: String, got: &[usize]| Error::Shape {
            operation: "conv_block",
            what,
            expected,
            got: format!("{got:?}"),
        };
        let &[n_clips, height, width, n_in] = map.dims() else {
            return Err(wrong("map", "[B, H, W, C_in]".into(), map.dims()));
        };
        let (pool, stride) = (form.pool.size(), form.stride);
        if !(1..=2).contains(&stride) {
            return Err(wrong("stride", "1 or 2".into(), &[stride]));
        }
        let [conv_height, conv_width] = [height.div_ceil(stride), width.div_ceil(stride)];
        if n_clips == 0 || n_in == 0 || pool.contains(&0) || conv_height < pool[0] || conv_width < pool[1] {
            let [height, width] = pool.map(|len| stride * len.max(1) + 1 - stride);
            return Err(wrong("map", format!("at least one clip of {height} x {width} for the pool"), map.dims()));
        }
        let &[n_out, weight_in, kernel, kernel_width] = weights.conv.dims() else {
            return Err(wrong("conv weight", "[C_out, C_in, K, K]".into(), weights.conv.dims()));
        };
        if weight_in != n_in || kernel != kernel_width || kernel % 2 == 0 || n_out == 0 {
            return Err(wrong("conv weight", format!("[C_out, {n_in}, K, K] with odd K"), weights.conv.dims()));
        }
        if pool[0] * pool[1] >= usize::from(crate::rows::DEAD) {
            return Err(wrong("pool", "fewer than 255 values".into(), &pool));
        }
        let mut vectors = vec![("scale", weights.scale), ("shift", weights.shift)];
        if let Norm::Running { mean, variance, .. } = norm {
            vectors.extend([("running mean", *mean), ("running variance", *variance)]);
        }
        for (what, vector) in vectors {
            if vector.dims() != [n_out] {
                return Err(wrong(what, format!("[{n_out}]"), vector.dims()));
            }
        }
        match residual {
            Some(residual) if residual.dims() != [n_clips, conv_height, conv_width, n_out] => {
                Err(wrong("residual", format!("[{n_clips}, {conv_height}, {conv_width}, {n_out}]"), residual.dims()))
            }
            _ => {
                let pool = if let Pool::Average { .. } = form.pool { [1, 1] } else { pool };
                Ok(Self { n_clips, height, width, n_in, n_out, kernel, stride, pool })
            }
        }
    }

    /// Whether the convolution's output is kept for the backward pass. Where a value is the sum of but a few products, as in a
    /// first layer, it takes less time to compute them again than to write and read it.
    pub(crate) fn is_kept(&self) -> bool {
        const FEW: usize = 16;
        self.kernel * self.kernel * self.n_in > FEW
    }

    /// Rows of the convolution's output.
    pub(crate) fn conv_height(&self) -> usize {
        self.height.div_ceil(self.stride)
    }

    /// Columns of the convolution's output.
    pub(crate) fn conv_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    /// Values of each channel before the pool.
    pub(crate) fn count(&self) -> usize {
        self.n_clips * self.conv_height() * self.conv_width()
    }

    pub(crate) fn out_height(&self) -> usize {
        self.conv_height() / self.pool[0]
    }

    pub(crate) fn out_width(&self) -> usize {
        self.conv_width() / self.pool[1]
    }

    /// Values of one clip's input.
    pub(crate) fn input_len(&self) -> usize {
        self.height * self.width * self.n_in
    }

    /// Values of one clip's convolution output.
    pub(crate) fn conv_len(&self) -> usize {
        self.conv_height() * self.conv_width() * self.n_out
    }

    /// Values of one clip's output.
    pub(crate) fn output_len(&self) -> usize {
        self.out_height() * self.out_width() * self.n_out
    }

    /// Values of the weights.
    /// `[B, OH, OW, C]`.
    pub(crate) fn output(&self) -> Shape {
        Shape::from((self.n_clips, self.out_height(), self.out_width(), self.n_out))
    }

    pub(crate) fn weight_len(&self) -> usize {
        self.kernel * self.kernel * self.n_in * self.n_out
    }
}
