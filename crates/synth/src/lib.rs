//! Synthetic sounds, for trying everything out without any data: dogs, birds, and neither.
//!
//! [`plan`] lists the clips of a set, [`Plan::render`] makes one, [`to_wav_16`] turns it into the bytes of a file. A
//! caller may render in any order and on any number of threads: each clip draws from generators seeded by (set, group)
//! and (set, clip).
//!
//! # What is in a set
//! - 40 % `dog` (barks in bouts, howls, whines, growls), 40 % `bird` (songs of sweeps, arches, whistles, trills,
//!   warbles, buzzes and chirps; coos; harsh calls), 20 % `neither` (engines, beeps, sirens, music, knocks, speech,
//!   rain, wind, brooks, hum, noise, insects). The classes overlap: coos have the pitch of howls, calls are as rough as
//!   barks, whines are whistled.
//! - Groups of one to four clips share one animal (or other source), one microphone, one room and one background, as the
//!   clips of one recording session do. A split that parts a group is a leak here as it is in the field.
//! - Sample rate, band limit, color, room, background, noise level, length and peak are drawn before the label is looked
//!   at, so that none of them gives the label away. A song is composed to fit below the microphone's band limit, since a
//!   song that nobody can hear would be a wrong label.
//!
//! # How far "the same" goes
//! On one platform a plan gives the same samples to the last bit, always. Across platforms the random numbers are equal,
//! and so are the events and their times, which are made by sums and products alone; `sin`, `exp`, `tan` and `powf` are
//! the platform's own and may differ in the last bits of an `f32`, so that single 16-bit samples may differ by a step.
//!
//! [`TestSound`] makes what holds no animal at all: noises, silence, tones, music.
//!
//! This crate must not know about folders, manifests, features or models; it does no input or output.
//!
//! ```
//! let clips = synth::plan(10, 0);
//! assert_eq!(clips, synth::plan(20, 0)[..10]); // a shorter set is the start of a longer one
//! let item = clips[0].render();
//! assert_eq!((item.path.as_str(), item.label.as_str()), ("dog/dog-0001.wav", "dog"));
//! let bytes = synth::to_wav_16(&item.samples, item.rate_hz);
//! assert_eq!(bytes.len(), 44 + 2 * item.samples.len());
//! ```

mod bird;
mod dog;
mod draw;
mod filter;
mod machine;
mod neither;
mod place;
mod plan;
mod song;
mod speech;
mod syllable;
mod test_sound;
mod track;
mod voiced;
mod wav;
mod weather;

pub use plan::{GROUP_CLIPS, Item, Label, PEAK_DBFS, Plan, SECONDS, plan};
pub use test_sound::TestSound;
pub use wav::to_wav_16;
