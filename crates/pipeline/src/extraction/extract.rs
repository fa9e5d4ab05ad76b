//! The rows of one recording to their spectrograms, through the cache.

use super::partners::Partner;
use super::plan::{Plan, Planned};
use super::views::Views;
use crate::error::{Error, Result};
use audio_io::{Decoded, Row, Until};
use inference::{Chain, ClipSpectrogram, FrontEnd, damage_words, decode, enough, reason};
use rayon::prelude::*;
use serde_json::{Value, json};
use shard::cache::{Cache, Key};
use shard::{ClipRecord, Header, MelDtype, NO_LABEL, Provenance, Spectrograms};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// Age at which an entry that is still being written belongs to a run that was killed; other parts may be writing.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Largest file whose memory serves the next one.
const KEPT_BYTES: usize = 16 << 20;

thread_local! {
    /// A thread's last file: what it lay in serves the next one.
    static FILE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a recording became.
pub(crate) struct Recording {
    /// Where its clips come from, in time order, each followed by its views.
    pub records: Vec<ClipRecord>,
    /// `[N, n_mels, n_frames]`.
    pub mel: Vec<f32>,
    /// Frames of each clip that hold sound.
    pub frames: Vec<u32>,
    /// Bands of each spectrogram.
    pub n_mels: usize,
    /// Frames of each spectrogram.
    pub n_frames: usize,
}

/// Computes spectrograms, or finds them in the cache.
pub(crate) struct Extractor {
    chain: Chain,
    chain_json: String,
    front_end: FrontEnd,
    cache: Option<Cache>,
    views: Option<Views>,
}

/// A recording while its rows are computed.
struct File<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    sha256: String,
    /// Decoded by the first row that the cache lacks.
    decoded: OnceLock<Result<Decoded, String>>,
}

/// What became of a row: spectrograms, or why it can't be used.
pub(crate) type Computed = Result<Result<Extracted, String>>;

/// Key of what is wrong with a recording in the record of a cache entry.
const DAMAGE: &str = "damage";

/// The spectrograms of a recording before they have the manifest's names.
pub(crate) struct Extracted {
    spectrograms: Spectrograms,
    key: Key,
    /// Whether the cache lacks them.
    fresh: bool,
}

impl Extractor {
    /// Prepares the front end and the cache folder.
    pub(crate) fn new(chain: &Chain, cache: Option<&Path>) -> Result<Self> {
        let cache = cache.map(|folder| Cache::open(folder, ABANDONED)).transpose()?;
        let chain_json = if chain.onnx.is_some() { chain.to_key()?.to_string() } else { serde_json::to_string(chain)? };
        Ok(Self { chain: chain.clone(), chain_json, front_end: chain.build()?, cache, views: None })
    }

    /// The same with augmented views of the clips that `views` is for.
    pub(crate) fn with_views(self, views: Views) -> Self {
        Self { views: Some(views), ..self }
    }

    /// The views of a row's clips.
    fn views_of(&self, planned: &Planned) -> Option<&Views> {
        self.views.as_ref().filter(|views| views.splits.contains(&planned.split))
    }

    /// How many spectrograms each clip of a row becomes.
    pub(crate) fn n_per_clip(&self, planned: &Planned) -> usize {
        self.views_of(planned).map_or(1, |views| 1 + views.n_views as usize)
    }

    /// The spectrograms of rows of one recording, which is read once and decoded at most once; `Err` inside when a row
    /// can't be used, with the reason.
    ///
    /// # Errors
    /// A cache that can't be read, and what `check` gives, which is asked before each row.
    pub(crate) fn rows(
        &self,
        plan: &Plan,
        rows: &[&Planned],
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Vec<Computed> {
        let path = plan.manifest.file(&rows[0].row);
        let mut bytes = FILE.take();
        bytes.clear();
        let read = std::fs::File::open(&path).and_then(|mut file| {
            bytes.reserve(file.metadata()?.len().next_power_of_two() as usize);
            file.read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return rows.iter().map(|_| Ok(Err(format!("cannot be read: {error}")))).collect();
        }
        let file = File { path: &path, bytes: &bytes, sha256: shard::sha256_hex(&bytes), decoded: OnceLock::new() };
        let until = || enough(rows.iter().map(|planned| self.chain.until(&planned.row)));
        let one = |planned: &&Planned| {
            check()?;
            self.row(&file, plan, planned, &until)
        };
        let computed = if rows.len() == 1 { vec![one(&rows[0])] } else { rows.par_iter().map(one).collect() };
        if bytes.capacity() <= KEPT_BYTES {
            FILE.set(bytes);
        }
        computed
    }

    fn row(
        &self,
        file: &File<'_>,
        plan: &Plan,
        planned: &Planned,
        until: &(dyn Fn() -> Option<Until> + Sync),
    ) -> Computed {
        let views = self.views_of(planned);
        let partners = views.map_or_else(Vec::new, |views| views.partners(plan, planned, &file.sha256));
        let key = self.key(&file.sha256, &planned.row, views, &partners);
        let cached = match &self.cache {
            Some(cache) => cache.get(&key)?.and_then(|payload| unpack(&payload, file.path)),
            None => None,
        };
        if let Some(spectrograms) = cached {
            return Ok(Ok(Extracted { spectrograms, key, fresh: false }));
        }
        let decode = || decode(file.bytes, file.path, until()).map_err(|error| reason(&error, file.path));
        let decoded = match file.decoded.get_or_init(decode) {
            Ok(decoded) => decoded,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        let computed = match views {
            None => self.chain.spectrograms(&self.front_end, decoded, &planned.row).map_err(Error::from),
            Some(views) => {
                views.spectrograms(&self.chain, &self.front_end, (decoded, &planned.row), &file.sha256, &partners)
            }
        };
        match computed.and_then(audible) {
            Ok(clips) => {
                let spectrograms = self.pack(clips, &file.sha256, &damage_words(decoded))?;
                Ok(Ok(Extracted { spectrograms, key, fresh: true }))
            }
            Err(error) => Ok(Err(reason(&error, file.path))),
        }
    }

    /// Puts what the cache lacks into it, together.
    ///
    /// # Errors
    /// A cache that can't be written to.
    pub(crate) fn keep<'a>(&self, extracted: impl Iterator<Item = &'a Extracted>) -> Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let fresh = extracted.filter(|extracted| extracted.fresh);
        let entry = |extracted: &'a Extracted| Ok((extracted.key, extracted.spectrograms.encoded(MelDtype::F32)?));
        Ok(cache.put(&fresh.map(entry).collect::<Result<Vec<_>>>()?)?)
    }

    /// Name of the cache entry: what made it, hashed.
    fn key(&self, source_sha256: &str, row: &Row, views: Option<&Views>, partners: &[Option<Partner>]) -> Key {
        let part = format!("{:?} {:?} {:?}", row.start_s, row.end_s, row.channel);
        let mut made_by = vec![source_sha256.as_bytes(), part.as_bytes(), self.chain_json.as_bytes()];
        made_by.extend(views.map(|views| views.made_by.as_bytes()));
        let partners: Vec<String> =
            partners.iter().map(|partner| partner.as_ref().map_or_else(String::new, Partner::made_by)).collect();
        // A folder without partners is that of before there were any.
        made_by.extend(partners.iter().filter(|_| partners.iter().any(|p| !p.is_empty())).map(|p| p.as_bytes()));
        shard::cache::key(&made_by)
    }

    /// The clips of one recording as a shard of its own, without label, group or path: those are the manifest's.
    fn pack(&self, clips: Vec<ClipSpectrogram>, source_sha256: &str, damage: &str) -> Result<Spectrograms> {
        let n_frames = clips.first().map_or(0, |clip| clip.n_frames);
        let record = |clip: &ClipSpectrogram| ClipRecord {
            id: clip.channel.map(|channel| channel.to_string()).unwrap_or_default(),
            path: String::new(),
            group: None,
            source_sha256: source_sha256.to_owned(),
            start_s: clip.start_s,
            channel: clip.channel,
            seconds: clip.seconds,
            view: clip.view,
            steps: clip.steps.clone(),
        };
        let provenance = Provenance {
            stage: "cache".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            configuration: if damage.is_empty() { Value::Null } else { json!({ DAMAGE: damage }) },
            seed: 0,
            inputs: BTreeMap::new(),
        };
        let header = Header {
            schema: shard::SPECTROGRAM.into(),
            front_end: self.chain.to_header()?,
            classes: Vec::new(),
            splits: vec!["none".into()],
            clips: clips.iter().map(record).collect(),
            provenance,
        };
        Ok(Spectrograms {
            header,
            n_mels: self.front_end.n_bands(),
            n_frames,
            frames: clips.iter().map(|clip| clip.frames).collect(),
            label: vec![NO_LABEL; clips.len()],
            split: vec![0; clips.len()],
            mel: concatenated(clips.into_iter().map(|clip| clip.mel)),
        })
    }
}

/// The clips that hold sound; why not, where none does.
fn audible(clips: Vec<ClipSpectrogram>) -> Result<Vec<ClipSpectrogram>> {
    let silence = clips.first().and_then(|clip| clip.silence);
    let audible: Vec<ClipSpectrogram> = clips.into_iter().filter(|clip| clip.silence.is_none()).collect();
    match silence {
        Some(silence) if audible.is_empty() => Err(audio_io::Error::Silent(silence).into()),
        _ => Ok(audible),
    }
}

/// One after the other; a single one, which is the rule, is not copied.
fn concatenated(mut mels: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
    let mut all = mels.next().unwrap_or_default();
    mels.for_each(|mel| all.extend(mel));
    all
}

/// A damaged entry is as good as none: it is computed again.
fn unpack(payload: &[u8], recording: &Path) -> Option<Spectrograms> {
    Spectrograms::from_bytes(payload, recording).ok()
}

impl Extracted {
    /// What is wrong with the recording, in words; empty where nothing is known to be.
    pub(crate) fn damage(&self) -> &str {
        self.spectrograms.header.provenance.configuration[DAMAGE].as_str().unwrap_or_default()
    }

    /// Gives the clips the names that the manifest has for them.
    pub(crate) fn named(self, row: &Row) -> Recording {
        let Spectrograms { header, n_mels, n_frames, mel, frames, .. } = self.spectrograms;
        let several = header.clips.iter().filter(|clip| clip.view == 0).count() > 1 || row.start_s.is_some();
        let name = |mut record: ClipRecord| {
            let mut id = row.path.clone();
            if several {
                id.push_str(&format!("@{:.3}", record.start_s));
            }
            if !record.id.is_empty() {
                id.push_str(&format!("#{}", record.id));
            }
            record.channel = record.channel.or_else(|| record.id.parse().ok());
            record.id = id;
            record.path.clone_from(&row.path);
            record.group.clone_from(&row.group);
            record
        };
        Recording { records: header.clips.into_iter().map(name).collect(), mel, frames, n_mels, n_frames }
    }
}
