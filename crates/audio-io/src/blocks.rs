//! What a decoder of one format gives: facts from the header, then samples, block by block.

use crate::damage::Damage;
use crate::error::Result;

/// A stream of samples.
pub(crate) trait Blocks: Send {
    /// Appends frames to the channels: `n` of them, or up to one packet more; fewer where the sound ends.
    fn more(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()>;

    /// Whether it is known that nothing more comes.
    fn is_at_end(&self) -> bool;

    /// Leaves out frames where that is cheaper than decoding them; gives how many.
    fn skip(&mut self, _: u64) -> Result<u64> {
        Ok(0)
    }

    /// What is known after `n_frames` were decoded; `stopped` where there may be more. Can be asked for again later.
    fn ending(&mut self, n_frames: u64, stopped: bool) -> Ending;
}

/// What is known once decoding has ended.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ending {
    /// Frames that the header declares, where it does.
    pub(crate) declared_frames: Option<u64>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) notes: Vec<String>,
}

/// A recording whose header has been read.
pub(crate) struct Opened<'a> {
    pub(crate) rate_hz: u32,
    pub(crate) n_channels: usize,
    pub(crate) format: &'static str,
    pub(crate) codec: String,
    pub(crate) bits: Option<u32>,
    /// Frames that the header declares, where it does; the ending may know better.
    pub(crate) declared_frames: Option<u64>,
    pub(crate) blocks: Box<dyn Blocks + 'a>,
}

/// A recording of which nothing can be decoded, and why.
pub(crate) struct NoSound(pub(crate) Ending);

impl Blocks for NoSound {
    fn more(&mut self, _: usize, _: &mut [Vec<f32>]) -> Result<()> {
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        true
    }

    fn ending(&mut self, _: u64, _: bool) -> Ending {
        self.0.clone()
    }
}

/// A container around a stream of another format: what the container says of the sound, and the stream.
pub(crate) struct Contained<'a, F> {
    pub(crate) inner: Box<dyn Blocks + 'a>,
    /// Joins what the stream says with what the container says, from the frames that were decoded and whether there may
    /// be more.
    pub(crate) join: F,
}

impl<F: FnMut(Ending, u64, bool) -> Ending + Send> Blocks for Contained<'_, F> {
    fn more(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()> {
        self.inner.more(n, channels)
    }

    fn is_at_end(&self) -> bool {
        self.inner.is_at_end()
    }

    fn ending(&mut self, n_frames: u64, stopped: bool) -> Ending {
        let inner = self.inner.ending(n_frames, stopped);
        (self.join)(inner, n_frames, stopped)
    }
}
