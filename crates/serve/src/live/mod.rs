//! Live listening: sound in pieces, windows and events as they come.

mod pcm;
mod session;

pub use pcm::Listen;
pub(crate) use pcm::checked;
pub(crate) use session::Lives;
