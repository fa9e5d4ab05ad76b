//! The thread that takes sound in: it is remembered, its time is noted, and it is passed on to the model.

use crate::clock::{Clock, now_ms};
use crate::error::{Error, Result};
use crate::level::Level;
use crate::remembered::Remembered;
use crate::sound::{Sound, Source};
use audio_io::{Pcm, SampleFormat};
use pipeline::CancelToken;
use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Seconds of sound that are taken at once.
const BLOCK_S: f64 = 0.1;

/// Blocks that wait for the model, at most.
const WAITING: usize = 64;

/// How often it is looked whether the model has caught up.
const PAUSE: Duration = Duration::from_millis(5);

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
    /// Milliseconds of sound that were classified.
    classified_ms: Arc<AtomicU64>,
    pub(crate) rate_hz: u32,
    pub(crate) n_channels: usize,
}

impl Feed {
    /// Begins. `remembered_s` seconds can be cut out. What is given back is the recording as a stream, which ends with the sound, and
    /// soon after it is asked to stop. It waits where more than `behind_s` seconds are not [classified](Self::classified) yet.
    pub(crate) fn start(
        sound: Sound,
        [remembered_s, behind_s]: [f64; 2],
        cancel: CancelToken,
    ) -> Result<(Self, impl Read + Send)> {
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
        thread::Builder::new().name("sound".into()).spawn(take).map_err(Error::Start)?;
        let n = u16::try_from(n_channels).unwrap_or(u16::MAX);
        let header = Pcm { format: SampleFormat::F32, rate_hz, n_channels: n }.endless_wav_header();
        let classified_ms = Arc::<AtomicU64>::default();
        let stream = Decoded {
            now: Cursor::new(header),
            blocks,
            cancel,
            classified_ms: Arc::clone(&classified_ms),
            behind_ms: (behind_s * 1000.0) as u64,
            bytes_a_second: u64::from(rate_hz) * n_channels as u64 * size_of::<f32>() as u64,
            n_bytes: 0,
        };
        Ok((Self { state, classified_ms, rate_hz, n_channels }, stream))
    }

    /// So many more seconds were classified.
    pub(crate) fn classified(&self, seconds: f64) {
        self.classified_ms.fetch_add((seconds * 1000.0).round() as u64, Ordering::Relaxed);
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
    classified_ms: Arc<AtomicU64>,
    behind_ms: u64,
    bytes_a_second: u64,
    /// Bytes of samples that were passed on.
    n_bytes: u64,
}

impl Decoded {
    /// Whether the model has too much to do already. Sound waits where it comes from, and is lost there rather than here, where nobody
    /// would know of it.
    fn is_behind(&self) -> bool {
        let passed_ms = self.n_bytes * 1000 / self.bytes_a_second.max(1);
        passed_ms > self.classified_ms.load(Ordering::Relaxed) + self.behind_ms
    }
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
            if self.is_behind() {
                thread::sleep(PAUSE);
                continue;
            }
            match self.blocks.recv_timeout(LOOK) {
                Ok(next) => {
                    self.n_bytes += next.len() as u64;
                    self.now = Cursor::new(next);
                }
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
        let (feed, stream) = Feed::start(sound, [0.1, 60.0], CancelToken::default()).unwrap();
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
    fn a_model_that_is_behind_is_waited_for() {
        let sound = Sound::pipe(Box::new(Cursor::new(samples(16_000))), Some(RAW)).unwrap();
        let (feed, stream) = Feed::start(sound, [1.0, 0.5], CancelToken::default()).unwrap();
        let read = thread::spawn(move || {
            let mut stream = stream;
            let mut all = Vec::new();
            stream.read_to_end(&mut all).map(|n| (n, all.len()))
        });
        thread::sleep(Duration::from_millis(200));
        assert!(!read.is_finished(), "two seconds, and none is classified");
        feed.classified(2.0);
        assert_eq!(read.join().unwrap().unwrap().0, 44 + 16_000 * 2 * 4);
    }

    #[test]
    fn a_pipe_through_which_nothing_comes_does_not_hold_up_the_end() {
        let sound = Sound::pipe(Box::new(Stuck(Cursor::new(samples(20_000)))), Some(RAW)).unwrap();
        let cancel = CancelToken::default();
        let (_feed, mut stream) = Feed::start(sound, [1.0, 60.0], cancel.clone()).unwrap();
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
