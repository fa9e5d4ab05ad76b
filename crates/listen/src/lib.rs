//! Listens with a model, and tells what it hears while it hears it.
//!
//! [`run`] takes sound that does not end, from a pipe or a microphone, and gives each event to a function as soon as it is over.
//! Events are also sent over MQTT, and their sound is kept on the disk.
//!
//! | file | what happens to sound |
//! | --- | --- |
//! | `sound.rs`, `microphone.rs` | where it comes from |
//! | `feed.rs` | it is decoded in a thread of its own, remembered for a while, and passed on |
//! | `remembered.rs` | the last minute or two, from which clips are cut |
//! | `clock.rs` | when it was |
//! | `level.rs` | whether anything is to be heard at all |
//! | `run.rs` | windows are classified and become events |
//! | `told.rs` | what is told of them |
//! | `clips.rs` | their sound, as files, and a table that can be reviewed |
//! | `mqtt/` | messages, and what Home Assistant needs to show them |
//!
//! This crate must not know the command line.
//!
//! ```no_run
//! use listen::{Options, Sound, Told};
//! use pipeline::Job;
//!
//! let pipe = Sound::pipe(Box::new(std::io::stdin()), None)?;
//! listen::run(&Options::new("run"), pipe, &Job::default(), &mut |told| {
//!     if let Told::Detection(event) = told {
//!         println!("{} {} {:.2}", event.recorded, event.label, event.score);
//!     }
//!     Ok(())
//! })?;
//! # Ok::<(), listen::Error>(())
//! ```

#![allow(
    clippy::result_large_err,
    reason = "errors of `pipeline` are large, and none of these functions is called often"
)]

mod clips;
mod clock;
mod error;
mod feed;
mod level;
#[cfg(feature = "microphone")]
mod microphone;
#[cfg(feature = "mqtt")]
mod mqtt;
mod options;
mod remembered;
mod run;
mod sound;
mod told;

pub use audio_io::{Pcm, SampleFormat};
pub use error::{Error, Result};
pub use options::{ClipOptions, Options};
pub use run::run;
pub use sound::Sound;
pub use told::{Event, Finished, Started, Told, Window};

#[cfg(feature = "mqtt")]
pub use mqtt::{Broker, MqttOptions};
