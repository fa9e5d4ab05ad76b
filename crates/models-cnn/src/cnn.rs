use crate::config::{CnnConfig, Downsample, MapPooling};
use crate::dropout::drop_out;
use crate::layer::{ConvNorm, from_kernels};
use candle_core::{Tensor, Var};
use classifier::{Below, Classifier, Error, Grid, Init, Maps, Method, Mode, Output, Parameters, Score, weighted_map};
use kernels::{Map, Pool, global_pool};

/// The convolutional network. Rows of its maps are bands, columns are frames, channels come last.
#[derive(Debug)]
pub struct Cnn {
    config: CnnConfig,
    n_classes: usize,
    stages: Vec<Stage>,
    head_weight: Var,
    head_bias: Var,
}

/// Convolutions at one resolution.
#[derive(Debug)]
struct Stage {
    enter: ConvNorm,
    residual: Option<[ConvNorm; 2]>,
}

impl Cnn {
    /// Parameters `stages.N.*`, `stages.N.residual.{0, 1}.*` and `head.{weight, bias}`. The last layer is initialized
    /// uniformly within `1 / sqrt(D)`.
    ///
    /// # Errors
    /// An invalid configuration, or names that `parameters` has already.
    pub fn new(config: &CnnConfig, n_classes: usize, parameters: &mut Parameters) -> Result<Self, Error> {
        config.check()?;
        let mut stages = Vec::with_capacity(config.channels.len());
        let mut n_in = 1;
        for (n, &n_out) in config.channels.iter().enumerate() {
            let name = format!("stages.{n}");
            let enter = ConvNorm::new(&name, n_in, n_out, n == 0, parameters)?;
            let residual = if config.residual && n > 0 {
                let mut layer = |i| ConvNorm::new(&format!("{name}.residual.{i}"), n_out, n_out, false, parameters);
                Some([layer(0)?, layer(1)?])
            } else {
                None
            };
            stages.push(Stage { enter, residual });
            n_in = n_out;
        }
        let dim = config.embedding_dim();
        let bound = 1.0 / (dim as f64).sqrt();
        Ok(Self {
            config: config.clone(),
            n_classes,
            stages,
            head_weight: parameters.trainable("head.weight", &[n_classes, dim], Init::Uniform { bound })?,
            head_bias: parameters.trainable("head.bias", &[n_classes], Init::Uniform { bound })?,
        })
    }

    /// The configuration of the network.
    pub fn config(&self) -> &CnnConfig {
        &self.config
    }

    /// Halves a map; a direction with a single value is not changed.
    fn halve(&self, map: &Tensor) -> Result<(usize, Pool), Error> {
        let step = |len: usize| if len >= 2 { 2 } else { 1 };
        let (height, width) = (step(map.dim(1)?), step(map.dim(2)?));
        Ok(match self.config.downsample {
            Downsample::Stride => (2, Pool::None),
            _ if height * width == 1 => (1, Pool::None),
            Downsample::MaxPool => (1, Pool::Max { height, width }),
            Downsample::AveragePool => (1, Pool::Average { height, width }),
        })
    }

    /// The last stage's map, `[B, H, W, C]`; `see` is called with the map of each stage.
    fn map(
        &self,
        mel: &Tensor,
        mode: Mode,
        see: &mut dyn FnMut(&Tensor) -> candle_core::Result<()>,
    ) -> Result<Tensor, Error> {
        let &[n_clips, n_bands, n_frames] = mel.dims() else {
            return Err(Error::Shape {
                what: "CNN: mel".into(),
                expected: "[B, M, T]".into(),
                got: format!("{:?}", mel.dims()),
            });
        };
        let mut map = Map::from(mel.reshape((n_clips, n_bands, n_frames, 1))?); // [B, H, W, C]
        for stage in &self.stages {
            map = stage.enter.forward(&map, None, self.halve(&map)?, mode)?; // [B, H / 2, W / 2, C']
            if let Some([first, second]) = &stage.residual {
                let inner = first.forward(&map, None, (1, Pool::None), mode)?;
                map = second.forward(&inner, Some(&map), (1, Pool::None), mode)?;
            }
            see(&map)?;
        }
        Ok(map.into_tensor())
    }

    /// The embedding of a last map, `[B, H, W, C]` to `[B, D]`.
    fn pool(&self, map: &Tensor) -> Result<Tensor, Error> {
        let pooled = global_pool(map).map_err(from_kernels)?; // [B, 2 * C]
        Ok(match self.config.pooling {
            MapPooling::MeanMax => pooled,
            MapPooling::Mean => pooled.narrow(1, 0, self.config.embedding_dim())?.contiguous()?,
        })
    }

    /// Where the cells of the last map are in an input of this size, and the size of one.
    fn grid(&self, size: [usize; 2]) -> (Grid, [usize; 2]) {
        let mut grid = Grid { n: size, first: [0.0; 2], step: [1.0; 2] };
        for _ in &self.stages {
            // A stride goes on from the first value, a pool's center is between two; of one value there is no half.
            let is_stride = self.config.downsample == Downsample::Stride;
            for axis in 0..2 {
                if grid.n[axis] < 2 {
                    continue;
                }
                grid.first[axis] += if is_stride { 0.0 } else { grid.step[axis] / 2.0 };
                grid.step[axis] *= 2.0;
                grid.n[axis] = if is_stride { grid.n[axis].div_ceil(2) } else { grid.n[axis] / 2 };
            }
        }
        let cell = grid.step.map(|step| step as usize);
        (grid, cell)
    }
}

impl Classifier for Cnn {
    fn architecture(&self) -> serde_json::Value {
        self.config.architecture()
    }

    fn n_classes(&self) -> usize {
        self.n_classes
    }

    fn embedding_dim(&self) -> usize {
        self.config.embedding_dim()
    }

    fn layer_features(&self, mel: &Tensor) -> Result<Vec<Tensor>, Error> {
        let mut layers = Vec::new();
        let mut keep = |map: &Tensor| {
            layers.push(map.mean((1, 2))?);
            Ok(())
        };
        self.map(mel, Mode::Eval, &mut keep)?;
        Ok(layers)
    }

    fn score(&self, below: &Below) -> Result<Tensor, Error> {
        Ok(below.embedding.matmul(&self.head_weight.t()?)?.broadcast_add(&self.head_bias)?)
    }

    /// Grad-CAM over the last stage's map. The network ends in pooling, of which each output has slopes that add up to 1 over
    /// the map, of the mean as of the maximum over frames: so the mean gradient of a channel is that of its outputs divided by
    /// the number of cells, and only the last layer is differentiated.
    fn saliency(&self, mel: &Tensor, score: &Score<'_>, method: Option<Method>) -> Result<Option<Maps>, Error> {
        if method.is_some_and(|method| method != Method::GradCam) {
            return Ok(None);
        }
        let map = self.map(mel, Mode::Eval, &mut |_| Ok(()))?.detach(); // [B, H, W, C]
        let (n_clips, height, width, channels) = map.dims4()?;
        let embedding = Var::from_tensor(&self.pool(&map)?.detach())?;
        let below = Below { embedding: embedding.as_tensor().clone(), log_odds: None };
        let gradients = score(&below)?.sum_all()?.backward()?;
        let of_embedding = gradients.get(&embedding).ok_or_else(|| Error::Fit("a score without a gradient".into()))?;
        let n_outputs = self.config.embedding_dim() / channels;
        let of_channel = of_embedding.reshape((n_clips, n_outputs, channels))?.sum(1)?;
        let cells = weighted_map(&map, &(of_channel / (height * width) as f64)?)?;
        let (n_bands, n_frames) = (mel.dim(1)?, mel.dim(2)?);
        let (grid, cell) = self.grid([n_bands, n_frames]);
        let values = cells.chunks_exact(height * width).flat_map(|cells| grid.upsample(cells, [n_bands, n_frames]));
        Ok(Some(Maps { method: Method::GradCam, cell, values: values.collect() }))
    }

    fn forward(&self, mel: &Tensor, mode: Mode) -> Result<Output, Error> {
        let embedding = self.pool(&self.map(mel, mode, &mut |_| Ok(()))?)?;
        let seen = match mode {
            Mode::Train { seed } if self.config.dropout > 0.0 => drop_out(&embedding, self.config.dropout, seed)?,
            _ => embedding.clone(),
        };
        let logits = seen.matmul(&self.head_weight.t()?)?.broadcast_add(&self.head_bias)?; // [B, N]
        Ok(Output { logits, embedding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn every_stage_can_be_looked_at() {
        let mut parameters = Parameters::seeded(1, &Device::Cpu);
        let config = CnnConfig::small();
        let cnn = Cnn::new(&config, 2, &mut parameters).unwrap();
        let mel = Tensor::ones((3, 64, 40), DType::F32, &Device::Cpu).unwrap();
        let dims: Vec<Vec<usize>> =
            cnn.layer_features(&mel).unwrap().iter().map(|layer| layer.dims().to_vec()).collect();
        let expected: Vec<Vec<usize>> = config.channels.iter().map(|&channels| vec![3, channels]).collect();
        assert_eq!(dims, expected);
    }

    #[test]
    fn the_map_is_that_of_gradients_through_the_whole_network() {
        let mel = Tensor::from_vec(Init::Normal { std: 1.0 }.draw(2 * 21 * 38, 3, "mel"), (2, 21, 38), &Device::Cpu);
        let (mel, class) = (mel.unwrap(), [2, 0]);
        for (downsample, pooling, size) in [
            (Downsample::MaxPool, MapPooling::MeanMax, [5, 9]),
            (Downsample::AveragePool, MapPooling::Mean, [5, 9]),
            (Downsample::Stride, MapPooling::MeanMax, [6, 10]),
        ] {
            let config = CnnConfig { channels: vec![6, 8], downsample, pooling, ..CnnConfig::small() };
            let cnn = Cnn::new(&config, 3, &mut Parameters::seeded(5, &Device::Cpu)).unwrap();
            let got = classifier::saliency(&cnn, &mel, &class, None).unwrap().unwrap();
            assert_eq!((got.method, got.cell), (Method::GradCam, [4, 4]));

            // As the paper says: the gradient of the logit with respect to each cell of the last map.
            let map = Var::from_tensor(&cnn.map(&mel, Mode::Eval, &mut |_| Ok(())).unwrap().detach()).unwrap();
            assert_eq!(map.dims()[1..3], size);
            let logits = cnn.score(&Below { embedding: cnn.pool(&map).unwrap(), log_odds: None }).unwrap();
            let mut expected = Vec::new();
            for (clip, class) in class.into_iter().enumerate() {
                let logit = logits.narrow(0, clip, 1).unwrap().narrow(1, class, 1).unwrap();
                let gradient =
                    logit.sum_all().unwrap().backward().unwrap().get(&map).unwrap().narrow(0, clip, 1).unwrap();
                let weight = gradient.mean_keepdim((1, 2)).unwrap();
                let cells =
                    map.narrow(0, clip, 1).unwrap().broadcast_mul(&weight).unwrap().sum(3).unwrap().relu().unwrap();
                let cells: Vec<f32> = cells.flatten_all().unwrap().to_vec1().unwrap();
                expected.extend(cnn.grid([21, 38]).0.upsample(&cells, [21, 38]));
            }
            let largest = expected.iter().copied().fold(0.0, f32::max);
            assert!(largest > 0.0);
            for (i, (got, expected)) in got.values.iter().zip(&expected).enumerate() {
                assert!(
                    (got - expected).abs() <= 1e-5 * largest,
                    "{downsample:?} {pooling:?} [{i}]: {got}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn refuses_what_is_no_batch() {
        let mut parameters = Parameters::seeded(1, &Device::Cpu);
        let cnn = Cnn::new(&CnnConfig::small(), 2, &mut parameters).unwrap();
        let mel = Tensor::zeros((8, 9), DType::F32, &Device::Cpu).unwrap();
        let message = cnn.forward(&mel, Mode::Eval).unwrap_err().to_string();
        assert_eq!(message, "CNN: mel: expected [B, M, T], got [8, 9]");
    }
}
