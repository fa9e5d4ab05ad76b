//! The files between two stages: folders of shards, written so that a reader sees either the complete output of a stage or
//! an error that names what is missing.
//!
//! This crate knows names, shapes and bytes. It must not know how a spectrogram is computed, what a model is, or any
//! tensor library; the front end and the configuration of a stage are JSON values that it compares and copies.
//!
//! # A folder
//! `shard-00000.safetensors`, `shard-00001.safetensors`, ..., of spectrograms `clips.safetensors`, and `index.json`, which is
//! written last: a folder without it was not finished. Every shard but the last holds 256 clips. All shards of a folder have the same schema,
//! front end, classes, splits, provenance and feature shape. Equal inputs give equal bytes: no file contains the
//! time, the host, an absolute path or the number of threads.
//!
//! # A shard
//! A safetensors file: an unsigned 64-bit little-endian length (at most 16 MiB here), that many bytes of JSON, padded
//! with spaces to a multiple of eight, and the tensors without gaps, little-endian, row-major. A writer orders tensors
//! by dtype (F32, U32, F16, U8) and then by name. A shard has exactly these tensors; N is 1 to 256, the other dimensions
//! at least 1.
//!
//! `spectrogram/1`:
//!
//! | tensor | dtype | shape | meaning |
//! | --- | --- | --- | --- |
//! | `mel` | F32 or F16 | `[N, n_mels, n_frames]` | finite, not normalized; low to high band, early to late frame |
//! | `frames` | U32 | `[N]` | frames with sound, at most `n_frames`; the rest is padding |
//! | `label` | U32 | `[N]` | index into `classes`; 4294967295 for none |
//! | `split` | U8 | `[N]` | index into `splits` |
//!
//! `embedding/1` has the last three (`frames` then counts those of the spectrogram, without a bound) and in place of
//! `mel`:
//!
//! | tensor | dtype | shape | meaning |
//! | --- | --- | --- | --- |
//! | `embedding` | F32 | `[N, D]` | finite; the input of the model's head |
//! | `logits` | F32 | `[N, C]` | finite; the head's outputs, before softmax; C need not be the number of classes |
//!
//! The safetensors metadata has ONE key, `shard`. Its value is JSON without spaces, with these fields in this order,
//! all of them present and no others:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `schema` | string | `spectrogram/1` or `embedding/1` |
//! | `front_end` | any | configuration of the front end, object keys in alphabetical order |
//! | `classes` | strings | class names, none empty, none twice |
//! | `splits` | strings | split names as the manifest has them, none empty, none twice, at most 256 |
//! | `clips` | N objects | in the order of the rows |
//! | `provenance` | object | how the shard was made |
//!
//! A clip is `{id, path, group, source_sha256, start_s, channel, seconds, view, steps}`: `id`, `path` (as in the manifest)
//! and `group` (or null) are strings; `channel` is a whole number from 0 and is left out if there is none; `source_sha256` is 64 lower-case hexadecimal digits, or empty where not known;
//! `start_s` and `seconds` are finite and not negative; `view` is 0 for the recording itself and counts augmented
//! views from 1; `steps` are strings that describe the processing. Rows of different stages are joined by `id` (and
//! `view`): see [`ClipRecord::id`]. Provenance is `{stage, version, configuration, seed,
//! inputs}`: strings, any JSON with object keys in alphabetical order, an unsigned 64-bit integer, and an object from
//! name to SHA-256 in alphabetical order.
//!
//! # The index
//! `index.json` is indented JSON with these fields in this order: `schema`, `front_end`, `classes`, `splits` (as in
//! the shards), `n_clips` (the sum over shards), `shards` (objects `{file, sha256, bytes, clips}`; the n-th file is
//! `shard-n` with n in five digits), `skipped` (objects `{path, reason}` for recordings left out), and `provenance`.
//! A folder with no clips has an index with no shards; reading it is an error that quotes the first reason.
//!
//! # The list of clips
//! `clips.safetensors`, beside the shards of `spectrogram/1`, has what is small of every clip, so that a stage that takes clips one
//! by one ([`Clips`]) reads no shard before it needs one. It is a safetensors file as a shard is, with these tensors and no others;
//! N is the number of clips in the order of the shards, S the number of shards:
//!
//! | tensor | dtype | shape | meaning |
//! | --- | --- | --- | --- |
//! | `frames`, `label` | U32 | `[N]` | as in the shards |
//! | `split` | U8 | `[N]` | as in the shards |
//! | `view` | U32 | `[N]` | as in the records |
//! | `group` | U32 | `[N]` | the same number for the same `group`, or `path` where that is null; numbered from 0 by first clips |
//! | `id` | U8 | `[N, 16]` | the first 16 bytes of the SHA-256 of the record's `id` |
//! | `crc` | U32 | `[N]` | CRC-32 (as of gzip) of the clip's bytes of `mel` |
//! | `head_bytes` | U32 | `[S]` | bytes of the shard before its tensors, the length included |
//! | `head_crc` | U32 | `[S]` | CRC-32 of these bytes |
//! | `mel_at` | U32 | `[S]` | where `mel` begins in the shard, in bytes |
//!
//! Under the metadata key `shard` is JSON without spaces: `schema` (`clips/1`), `index` (SHA-256 of the bytes of `index.json`),
//! `n_mels`, `n_frames`, `dtype` (of `mel`: `F32` or `F16`), and `sha256`, that of the text `N_MELS N_FRAMES DTYPE`, a line feed, and the
//! bytes of all tensors. A list that does not agree with this or with the index is not used: the folder is read as one of an earlier
//! version, which has none, by all of its shards. A clip is some 40 bytes in the file and in memory, and while it is written up to
//! 90.
//!
//! # Reading
//! In this order: the index is there and sane; each file has the length and the SHA-256 that the index says; the
//! header's length fits; the JSON is of this version; names, dtypes and shapes are the ones above; labels, splits and
//! frames are in range; all values are finite; and the shard agrees with its index and with the shards before it.
//! Each error names file, part, expected and got:
//! `shard-00003.safetensors: tensor mel: expected [256, 128, 512], got [256, 128, 431]`.
//! No memory is allocated for a size that was not checked against the length of the file.
//!
//! [`Clips`] reads parts of shards. Of a folder with a list: the index and the list are sane and agree; every shard is there; then,
//! when a shard is first read (the first one at once), it has the length that the index says, and stays the same file; the bytes of a clip have the
//! CRC-32 of the list, and its values are finite; the header of a shard has its CRC-32, agrees with the index, and its ids with the
//! list.
//!
//! # Writing
//! Every file is written under a temporary name beside its own, given mode 0644, synced and renamed, and its folder
//! synced, for shards together with the index; see [`write_atomic`]. A command that writes a folder holds its [`lock_folder`].
//! Cache entries, which can be lost, have a format of their own: [`cache`].
//!
//! # Example
//! ```
//! use shard::{ClipRecord, MelDtype, Provenance, SpectrogramWriter, read_spectrograms};
//!
//! # let temporary = tempfile::tempdir()?;
//! # let dir = temporary.path().join("mel");
//! let provenance = Provenance {
//!     stage: "features".into(),
//!     version: "0.1.0".into(),
//!     configuration: serde_json::json!({"n_mels": 2}),
//!     seed: 0,
//!     inputs: [("manifest".to_owned(), shard::sha256_hex(b"path,label\n"))].into(),
//! };
//! let classes = vec!["bird".into(), "dog".into()];
//! let splits = vec!["train".into()];
//! let front_end = serde_json::json!({"n_mels": 2});
//! let mut writer = SpectrogramWriter::create(&dir, front_end, classes, splits, provenance, MelDtype::F32)?;
//! let clip = ClipRecord {
//!     id: "bird/a.wav@0".into(),
//!     path: "bird/a.wav".into(),
//!     group: None,
//!     source_sha256: shard::sha256_hex(b"the file"),
//!     start_s: 0.0,
//!     channel: None,
//!     seconds: 1.5,
//!     view: 0,
//!     steps: vec!["padded with silence".into()],
//! };
//! writer.push(clip, &[-80.0, -3.5, 0.0, -80.0, -12.0, -80.0], 2, 3, 2, 0, 0)?;
//! writer.finish(Vec::new())?;
//!
//! let clips = read_spectrograms(&dir)?;
//! assert_eq!((clips.n_clips(), clips.n_mels, clips.n_frames), (1, 2, 3));
//! assert_eq!(clips.clip(0)[1], -3.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atomic;
pub mod cache;
mod clip_list;
mod clips;
mod columns;
mod container;
mod difference;
mod dtype;
mod embedding;
mod encoded;
mod error;
mod hash;
mod header;
mod index;
mod lock;
mod reader;
mod schema;
mod shards;
mod spectrogram;
mod writer;

pub use atomic::{AtomicFile, remove_temporaries, write_atomic};
pub use clip_list::{IdHash, id_hash};
pub use clips::Clips;
pub use difference::differences;
pub use dtype::MelDtype;
pub use embedding::{EMBEDDING, Embeddings};
pub use encoded::Encoded;
pub use error::{Error, Result};
pub use hash::{Sha256, sha256_hex, sha256_hex_of_all};
pub use header::{CLIPS_PER_SHARD, ClipRecord, Common, Header, NO_LABEL, Provenance};
pub use index::{Index, ShardEntry, Skipped, read_index};
pub use lock::{FolderLock, is_empty_folder, lock_folder};
pub use reader::{embedding_shards, read_embeddings, read_spectrograms, spectrogram_shards};
pub use spectrogram::{SPECTROGRAM, Spectrograms};
pub use writer::{EmbeddingWriter, SpectrogramWriter};
