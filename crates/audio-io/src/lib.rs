//! Reads recordings: manifests, decoding, channels, resampling, level, windows, checks and splits.
//!
//! A [`Manifest`] lists files, parts of files and their classes; it is read from a table or made from a folder of class
//! folders, which [`walk()`] lists. [`decode_file`] turns a file into samples and reports what is damaged; [`clips`] turns
//! samples into clips of one rate, level and length. [`scan()`](scan::scan) checks a whole manifest once, finds exact
//! duplicates and assigns training, validation and test. [`silence_of`] and [`Clip::is_silent`] decide for all of them
//! what holds no sound. [`recorder_info`] says when, where and with what a file was recorded.
//!
//! Formats: WAV, RF64 and W64 (PCM of 8 to 32 bits, float, A-law, mu-law, ADPCM, MP3), FLAC, MP3, OGG (Vorbis, Opus, FLAC), AAC
//! and ALAC in M4A, AAC in ADTS, AIFF, CAF and Matroska. Everything else is refused by name. Sample rates from
//! [`MIN_RATE_HZ`] to [`MAX_RATE_HZ`] and up to [`MAX_CHANNELS`] channels are read; memory is bounded by
//! [`MAX_SAMPLES_PER_BYTE`].
//!
//! Results depend on the input alone: not on threads, not on earlier calls. This crate must not know of spectrograms,
//! shards, models or the command line; it draws no progress and prints nothing.
//!
//! ```
//! use audio_io::{ClipConfig, clips, decode_bytes};
//!
//! // A second of silence with one click, as a WAV file of 8 bits at 8 kHz.
//! let mut wav = b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0".to_vec();
//! wav.extend(std::iter::repeat_n(128u8, 7999));
//! wav.push(192);
//!
//! let decoded = decode_bytes(&wav, "click.wav".as_ref())?;
//! assert_eq!((decoded.rate_hz, decoded.n_frames()), (8000, 8000));
//! assert_eq!(decoded.channels[0][7999], 0.5);
//!
//! let clips = clips(&decoded, None, None, None, &ClipConfig::default())?;
//! assert_eq!(clips[0].samples.len(), 5 * 22050); // five seconds, of which one is real
//! assert_eq!(clips[0].n_real, 22050);
//! # Ok::<(), audio_io::Error>(())
//! ```

mod aiff;
mod blocks;
mod caf;
mod channels;
pub mod check;
mod chunks;
mod clip;
mod clip_stream;
mod companding;
mod damage;
mod deal;
mod decode;
mod decoded;
pub mod equalize;
mod error;
mod extent;
mod fields;
mod flac;
mod folder;
pub mod folds;
mod groups;
mod inspection;
pub mod labels;
mod level;
mod limits;
mod manifest;
mod measures;
mod open;
mod opus;
mod opus_write;
mod packets;
mod pcm;
mod pipe;
mod range;
mod read;
mod recorder;
mod recording;
mod resample;
mod review;
mod room;
mod row_reader;
mod same;
pub mod scan;
mod shares;
mod silence;
mod sink;
mod sniff;
mod source;
pub mod split;
pub mod split_names;
mod stream;
mod table;
mod text;
mod trim;
mod walk;
mod warning;
mod wav;
mod window;

pub use channels::ChannelPolicy;
pub use clip::{Clip, ClipConfig, audible, clips, finish};
pub use clip_stream::{ClipStream, Frames, MAX_ROW_SAMPLES};
pub use damage::{Damage, Silence};
pub use decode::{decode_bytes, decode_bytes_until, decode_file};
pub use decoded::{Decoded, Until};
pub use error::{Error, Result};
pub use fields::Fields;
pub use folder::{EXTENSIONS, is_sound};
pub use level::{Level, TARGET_RMS, apply_level};
pub use limits::{MAX_CHANNELS, MAX_FREE_SAMPLES, MAX_RATE_HZ, MAX_SAMPLES_PER_BYTE, MIN_RATE_HZ};
pub use manifest::{Manifest, Row};
pub use opus_write::{OPUS_RATE_HZ, to_opus};
pub use pcm::{Pcm, SampleFormat};
pub use pipe::{HEAD_BYTES, can_stream};
pub use range::{END_TOLERANCE_S, frame_range};
pub use read::read_file;
pub use recorder::{
    LocalTime, Place, RECORDED, Recorded, RecorderInfo, Start, StartSource, recorder_info, recorder_info_of,
};
pub use recording::{BLOCK_FRAMES, Recording};
pub use resample::{Filter, resample, resampled_len};
pub use row_reader::{RowClips, RowReader, append};
pub use silence::silence_of;
pub use walk::{Found, Skipped, Walk, utf8_name, walk};
pub use warning::Warning;
pub use window::{Padding, Placement, Window, Windowing, pad, windows};
