//! The microphone of this machine.

use crate::error::{Error, Result};
use crate::sound::Source;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, FromSample, SampleFormat, SizedSample, Stream, SupportedStreamConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Blocks of the sound card that wait to be taken, at most: some seconds.
const WAITING: usize = 1024;

/// How long a microphone may give nothing before it counts as unplugged.
const PATIENCE: Duration = Duration::from_secs(10);

/// Samples as they come from the sound card, channels alternating, or why no more come.
type Block = Result<Vec<f32>, String>;

/// A microphone that records.
pub(crate) struct Microphone {
    pub(crate) name: String,
    rate_hz: u32,
    n_channels: usize,
    blocks: Receiver<Block>,
    /// Samples that came while nobody took them.
    lost: Arc<AtomicU64>,
    /// Ends the thread that holds the stream, which cannot move between threads everywhere.
    _open: SyncSender<()>,
}

impl Microphone {
    /// Opens the one with this name, or the default one.
    pub(crate) fn open(wanted: Option<&str>) -> Result<Self> {
        let (tell, told) = sync_channel(1);
        let (sender, blocks) = sync_channel(WAITING);
        let (open, closed) = sync_channel::<()>(0);
        let lost = Arc::<AtomicU64>::default();
        let (wanted, counted) = (wanted.map(ToOwned::to_owned), Arc::clone(&lost));
        let hold = move || match start(wanted.as_deref(), sender, counted) {
            Ok((stream, about)) => {
                drop(tell.send(Ok(about)));
                // Until nobody listens any more.
                closed.recv().ok();
                drop(stream);
            }
            Err(error) => drop(tell.send(Err(error))),
        };
        let started = thread::Builder::new().name("microphone".into()).spawn(hold);
        started.map_err(Error::Start)?;
        let about = told.recv().map_err(|_| Error::Microphone("the sound system ended".into()))?;
        let (name, rate_hz, n_channels) = about?;
        Ok(Self { name, rate_hz, n_channels, blocks, lost, _open: open })
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Microphone(error.to_string())
}

/// The device, and its name.
fn device(wanted: Option<&str>) -> Result<(Device, String)> {
    let host = cpal::default_host();
    let Some(wanted) = wanted else {
        let device = host.default_input_device();
        let device = device.ok_or_else(|| failed("this machine has none, or gives no access to it"))?;
        let name = device.name().unwrap_or_else(|_| "default".into());
        return Ok((device, name));
    };
    let mut names = Vec::new();
    for device in host.input_devices().map_err(failed)? {
        let Ok(name) = device.name() else { continue };
        if name == wanted {
            return Ok((device, name));
        }
        names.push(name);
    }
    Err(failed(format!("no `{wanted}`; there are: {}", names.join(", "))))
}

type About = (String, u32, usize);

fn start(wanted: Option<&str>, sender: SyncSender<Block>, lost: Arc<AtomicU64>) -> Result<(Stream, About)> {
    let (device, name) = device(wanted)?;
    let config = device.default_input_config().map_err(|error| failed(format!("`{name}`: {error}")))?;
    let stream = match config.sample_format() {
        SampleFormat::I8 => build::<i8>(&device, &config, sender, lost),
        SampleFormat::U8 => build::<u8>(&device, &config, sender, lost),
        SampleFormat::I16 => build::<i16>(&device, &config, sender, lost),
        SampleFormat::U16 => build::<u16>(&device, &config, sender, lost),
        SampleFormat::I32 => build::<i32>(&device, &config, sender, lost),
        SampleFormat::U32 => build::<u32>(&device, &config, sender, lost),
        SampleFormat::F32 => build::<f32>(&device, &config, sender, lost),
        SampleFormat::F64 => build::<f64>(&device, &config, sender, lost),
        other => Err(failed(format!("`{name}`: samples of the format {other} are not read"))),
    }?;
    stream.play().map_err(failed)?;
    Ok((stream, (name, config.sample_rate().0, config.channels().into())))
}

fn build<T: SizedSample>(
    device: &Device,
    config: &SupportedStreamConfig,
    sender: SyncSender<Block>,
    lost: Arc<AtomicU64>,
) -> Result<Stream>
where
    f32: FromSample<T>,
{
    let errors = sender.clone();
    let take = move |samples: &[T], _: &cpal::InputCallbackInfo| {
        let block: Vec<f32> = samples.iter().map(|&sample| f32::from_sample_(sample)).collect();
        let n = block.len() as u64;
        if sender.try_send(Ok(block)).is_err() {
            lost.fetch_add(n, Ordering::Relaxed);
        }
    };
    let fail = move |error: cpal::StreamError| match error {
        cpal::StreamError::DeviceNotAvailable => drop(errors.try_send(Err("it was unplugged".into()))),
        // Such as an overrun: the sound goes on.
        other => tracing::debug!("the microphone: {other}"),
    };
    device.build_input_stream(&config.config(), take, fail, None).map_err(failed)
}

impl Source for Microphone {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn n_channels(&self) -> usize {
        self.n_channels
    }

    fn next(&mut self, n: usize, block: &mut Vec<Vec<f32>>) -> Result<usize> {
        block.resize(self.n_channels, Vec::new());
        let before = block[0].len();
        while block[0].len() - before < n {
            let samples = match self.blocks.recv_timeout(PATIENCE) {
                Ok(Ok(samples)) => samples,
                Ok(Err(why)) => return Err(Error::Microphone(why)),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(failed(format!("it gave nothing for {} s", PATIENCE.as_secs())));
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(block[0].len() - before),
            };
            for frame in samples.chunks_exact(self.n_channels) {
                block.iter_mut().zip(frame).for_each(|(channel, sample)| channel.push(*sample));
            }
        }
        Ok(block[0].len() - before)
    }

    fn n_lost(&mut self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed) / self.n_channels.max(1) as u64
    }
}
