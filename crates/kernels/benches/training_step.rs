//! The peers' network: four blocks of 16, 32, 64 and 128 channels on `[32, 128, 216, 1]`, forward and training step; and
//! the rate of multiplications that the micro-kernel reaches when nothing else is done.

use candle_core::{Device, Tensor, Var};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::{BlockForm, BlockWeights, Norm, Pool, conv_block, global_pool};
use std::hint::black_box;
use std::time::Duration;

/// The allocator of the binary: it keeps its memory from step to step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const N_CLIPS: usize = 32;
const CHANNELS: [usize; 5] = [1, 16, 32, 64, 128];

struct Network {
    blocks: Vec<[Var; 3]>,
    running: Vec<[Tensor; 2]>,
}

impl Network {
    fn new() -> candle_core::Result<Self> {
        let device = Device::Cpu;
        let mut network = Self { blocks: vec![], running: vec![] };
        for pair in CHANNELS.windows(2) {
            let vector = Tensor::ones(pair[1], candle_core::DType::F32, &device)?;
            let conv = Var::randn(0f32, (2.0 / (9 * pair[1]) as f32).sqrt(), (pair[1], pair[0], 3, 3), &device)?;
            network.running.push([vector.zeros_like()?, vector.clone()]);
            network.blocks.push([conv, Var::from_tensor(&vector)?, Var::from_tensor(&vector.zeros_like()?)?]);
        }
        Ok(network)
    }

    fn forward(&self, mel: &Tensor, train: bool) -> Result<Tensor, kernels::Error> {
        let mut map = mel.clone();
        for (i, ([conv, scale, shift], [mean, variance])) in self.blocks.iter().zip(&self.running).enumerate() {
            let pool = Pool::Max { height: 2, width: 2 };
            let form = BlockForm { stride: 1, pool, relu: true, input_gradient: i > 0 };
            let epsilon = 1e-5;
            let norm = if train { Norm::Batch { epsilon } } else { Norm::Running { mean, variance, epsilon } };
            map = conv_block(&map, &BlockWeights { conv, scale, shift }, None, &norm, &form)?.map;
        }
        global_pool(&map)
    }
}

fn training_step(c: &mut Criterion) {
    let network = Network::new().expect("a network");
    let mel = Tensor::randn(0f32, 1., (N_CLIPS, 128, 216, 1), &Device::Cpu).expect("a batch");
    let mut group = c.benchmark_group("cnn");
    group.throughput(Throughput::Elements(N_CLIPS as u64));
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.bench_function("evaluate", |b| b.iter(|| black_box(network.forward(&mel, false).expect("forward"))));
    group.bench_function("forward", |b| b.iter(|| black_box(network.forward(&mel, true).expect("forward"))));
    group.bench_function("step", |b| {
        b.iter(|| {
            black_box(
                network.forward(&mel, true).expect("forward").sqr().expect("sqr").sum_all().expect("sum").backward(),
            )
        })
    });
    group.finish();
}

criterion_group!(benches, training_step);
criterion_main!(benches);
