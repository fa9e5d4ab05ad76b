//! The thread that takes sound in: it is remembered, its time is noted, and it is passed on to the model.

use crate::clock::{Clock, now_ms};
use crate::error::{Error, Result};
use crate::level::Level;
use crate::remembered::Remembered;
use crate::sound::{Sound, Source};
use audio_io::{Pcm, SampleFormat};
use pipeline::CancelToken;
use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Seconds of sound that are taken at once.
const BLOCK_S: f64 = 0.1;

/// Blocks that wait for the model, at most.
const WAITING: usize = 64;

/// How often it is looked whether to stop, where no sound comes.
const LOOK: Duration = Duration::from_millis(100);

/// What is known of the sound so far.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) remembered: Remembered,
    /// What people should know of it, each told once.
    pub(crate) warnings: Vec<String>,
    /// Why no more comes.
    failure: Option<Error>,
}

/// Sound that is being taken in.
pub(crate) struct Feed {
    state: Arc<Mutex<State>>,
    pub(crate) rate_hz: u32,
    pub(crate) n_channels: usize,
}

impl Feed {
    /// Begins. `remembered_s` seconds can be cut out. What is given back is the recording as a stream, which ends with the sound, and
    /// soon after it is asked to stop.
    pub(crate) fn start(sound: Sound, remembered_s: f64, cancel: CancelToken) -> Result<(Self, impl Read + Send)> {
        let source = sound.source;
        let (rate_hz, n_channels) = (source.rate_hz(), source.n_channels());
        let state = Arc::new(Mutex::new(State {
            clock: Clock::start(),
            remembered: Remembered::new(n_channels, rate_hz, remembered_s),
            warnings: Vec::new(),
            failure: None,
        }));
        let (sender, blocks) = sync_channel(WAITING);
        let shared = Arc::clone(&state);
        let take = move || take(source, &shared, &sender);
        // It may wait for a pipe through which nothing comes any more; nobody waits for it.
        thread::Builder::new().name("sound".into()).spawn(take).map_err(Error::Pipe)?;
        let n = u16::try_from(n_channels).unwrap_or(u16::MAX);
        let header = Pcm { format: SampleFormat::F32, rate_hz, n_channels: n }.endless_wav_header();
        let stream = Decoded { now: Cursor::new(header), blocks, cancel };
        Ok((Self { state, rate_hz, n_channels }, stream))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the sound ended, where it is not simply over.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.state().failure.take()
    }
}

fn take(mut source: Box<dyn Source>, state: &Mutex<State>, sender: &SyncSender<Vec<u8>>) {
    let rate_hz = source.rate_hz();
    let n = ((f64::from(rate_hz) * BLOCK_S) as usize).max(1);
    let mut level = Level::new(rate_hz);
    let mut block: Vec<Vec<f32>> = Vec::new();
    loop {
        block.iter_mut().for_each(Vec::clear);
        let outcome = source.next(n, &mut block);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let n_taken = match outcome {
            Ok(n_taken) => n_taken,
            Err(error) => {
                state.failure = Some(error);
                return;
            }
        };
        if n_taken == 0 {
            return;
        }
        let n_lost = source.n_lost();
        if n_lost > 0 {
            let seconds = n_lost as f64 / f64::from(rate_hz);
            state.warnings.push(format!("{seconds:.1} s of sound were lost: this machine is too slow, or was busy"));
        }
        state.warnings.extend(level.take(&block));
        state.remembered.push(&block);
        let sound_ms = state.remembered.n_frames() as u128 * 1000 / u128::from(rate_hz);
        state.clock.arrived(u64::try_from(sound_ms).unwrap_or(u64::MAX), now_ms());
        drop(state);
        if sender.send(bytes(&block)).is_err() {
            return;
        }
    }
}

/// Samples as they are in a WAV file.
fn bytes(block: &[Vec<f32>]) -> Vec<u8> {
    let n = block.first().map_or(0, Vec::len);
    let mut bytes = Vec::with_capacity(n * block.len() * size_of::<f32>());
    for nth in 0..n {
        block.iter().for_each(|channel| bytes.extend(channel[nth].to_le_bytes()));
    }
    bytes
}

/// Decoded sound, as a WAV file that goes on as long as it does.
struct Decoded {
    now: Cursor<Vec<u8>>,
    blocks: Receiver<Vec<u8>>,
    cancel: CancelToken,
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.now.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            if self.cancel.is_cancelled() {
                return Ok(0);
            }
            match self.blocks.recv_timeout(LOOK) {
                Ok(next) => self.now = Cursor::new(next),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that gives some bytes, and then nothing for as long as it is open.
    struct Stuck(Cursor<Vec<u8>>);

    impl Read for Stuck {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.0.read(into)?;
            if n == 0 {
                thread::sleep(Duration::from_secs(3600));
            }
            Ok(n)
        }
    }

    const RAW: Pcm = Pcm { format: SampleFormat::S16, rate_hz: 8_000, n_channels: 2 };

    fn samples(n: usize) -> Vec<u8> {
        (0..n as i16).flat_map(|i| [i * 16, -i * 16]).flat_map(i16::to_le_bytes).collect()
    }

    #[test]
    fn sound_is_passed_on_as_it_was_and_remembered() {
        let sound = Sound::pipe(Box::new(Cursor::new(samples(2_000))), Some(RAW)).unwrap();
        let (feed, stream) = Feed::start(sound, 0.1, CancelToken::default()).unwrap();
        let mut recording = audio_io::Recording::of_stream(stream, "-".as_ref()).unwrap();
        let mut block = Vec::new();
        while recording.next_block(500, &mut block).unwrap() > 0 {}
        let expected: Vec<f32> = (0..2_000).map(|i| i as f32 * 16.0 / 32768.0).collect();
        assert_eq!(block, [expected.clone(), expected.iter().map(|x| -x).collect()]);
        let state = feed.state();
        assert_eq!(state.remembered.n_frames(), 2_000);
        let (first, cut) = state.remembered.cut(0, 2_000);
        assert_eq!((first, cut[0].as_slice()), (1_200, &expected[1_200..]));
        drop(state);
        assert!(feed.failure().is_none());
    }

    #[test]
    fn a_pipe_through_which_nothing_comes_does_not_hold_up_the_end() {
        let sound = Sound::pipe(Box::new(Stuck(Cursor::new(samples(20_000)))), Some(RAW)).unwrap();
        let cancel = CancelToken::default();
        let (_feed, mut stream) = Feed::start(sound, 1.0, cancel.clone()).unwrap();
        let stop = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        });
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stop.join().unwrap();
        assert!(all.len() > 10_000);
    }
}
