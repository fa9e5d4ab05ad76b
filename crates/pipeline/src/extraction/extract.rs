//! The rows of one recording to their spectrograms, through the cache.

use super::opened::Opened;
use super::partners::Partner;
use super::plan::{Plan, Planned};
use super::views::{Mixed, Views};
use crate::error::Result;
use audio_io::{Clip, ClipConfig, Row};
use inference::{Chain, ClipSpectrogram, FrontEnd, enough, reason};
use rayon::prelude::*;
use serde_json::{Value, json};
use shard::cache::{Cache, Key};
use shard::{ClipRecord, Header, MelDtype, NO_LABEL, Provenance, Spectrograms};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Age at which an entry that is still being written belongs to a run that was killed; other parts may be writing.
const ABANDONED: Duration = Duration::from_secs(3600);

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
    pub(super) chain: Chain,
    chain_json: String,
    pub(super) front_end: FrontEnd,
    pub(super) cache: Option<Cache>,
    views: Option<Views>,
    /// The settings that clips are cut by; with views once more without a noise floor.
    pub(super) configs: Vec<ClipConfig>,
    /// The file whose rows may go on in the next block.
    kept: Mutex<Option<Opened<'static>>>,
}

/// What became of a row: spectrograms, or why it can't be used.
pub(crate) type Computed = Result<Result<Extracted, String>>;

/// Key of what is wrong with a recording in the record of a cache entry.
pub(super) const DAMAGE: &str = "damage";

/// What the cache has of a row.
pub(super) enum Sought {
    Found(Box<Extracted>),
    Lacking { key: Key, partners: Vec<Option<Partner>> },
}

/// The spectrograms of a recording before they have the manifest's names.
pub(crate) struct Extracted {
    pub(super) spectrograms: Spectrograms,
    pub(super) key: Key,
    /// Whether the cache lacks them.
    pub(super) fresh: bool,
    /// Whether they are a part of what a long row becomes.
    pub(super) is_part: bool,
}

impl Extractor {
    /// Prepares the front end and the cache folder.
    pub(crate) fn new(chain: &Chain, cache: Option<&Path>) -> Result<Self> {
        let cache = cache.map(|folder| Cache::open(folder, ABANDONED)).transpose()?;
        let chain_json = if chain.onnx.is_some() { chain.to_key()?.to_string() } else { serde_json::to_string(chain)? };
        let (configs, kept) = (vec![chain.clip], Mutex::default());
        Ok(Self { chain: chain.clone(), chain_json, front_end: chain.build()?, cache, views: None, configs, kept })
    }

    /// The same with augmented views of the clips that `views` is for.
    pub(crate) fn with_views(self, views: Views) -> Self {
        let mut configs = self.configs;
        // Views get a noise floor of their own.
        if self.chain.clip.equalize.floor_db.is_some() {
            configs.push(self.chain.without_floor().clip);
        }
        Self { views: Some(views), configs, ..self }
    }

    /// The views of a row's clips.
    pub(super) fn views_of(&self, planned: &Planned) -> Option<&Views> {
        self.views.as_ref().filter(|views| views.splits.contains(&planned.split))
    }

    /// How many spectrograms each clip of a row becomes.
    pub(crate) fn n_per_clip(&self, planned: &Planned) -> usize {
        self.views_of(planned).map_or(1, |views| 1 + views.n_views as usize)
    }

    /// The spectrograms of rows of one recording, which is read once and decoded at most once; `Err` inside when a row
    /// can't be used, with the reason. A large file stays open where `keep` says that more rows of it may follow.
    ///
    /// # Errors
    /// A cache that can't be read, and what `check` gives, which is asked before each row.
    pub(crate) fn rows(
        &self,
        plan: &Plan,
        rows: &[&Planned],
        keep: bool,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Vec<Computed> {
        let path = plan.manifest.file(&rows[0].row);
        let kept = self.kept.lock().ok().and_then(|mut kept| kept.take()).filter(|kept| kept.path == path);
        let mut opened = match kept.map_or_else(|| Opened::new(&path), Ok) {
            Ok(opened) => opened,
            Err(reason) => return rows.iter().map(|_| Ok(Err(reason.clone()))).collect(),
        };
        let sought = |planned: &Planned| -> Result<Sought> {
            check()?;
            self.sought(&opened.sha256, plan, planned)
        };
        let mut computed: Vec<Result<Sought>> = rows.iter().map(|planned| sought(planned)).collect();
        let lacking = |computed: &[Result<Sought>]| -> Vec<usize> {
            (0..rows.len()).filter(|&nth| matches!(&computed[nth], Ok(Sought::Lacking { .. }))).collect()
        };
        let lacking = lacking(&computed);
        let mut clips: BTreeMap<usize, Result<Vec<Vec<Clip>>, String>> = BTreeMap::new();
        let mut damage = String::new();
        if !lacking.is_empty() {
            let until = enough(rows.iter().map(|planned| self.chain.until(&planned.row)));
            let wanted: Vec<(usize, &Row)> = lacking.iter().map(|&nth| (nth, &rows[nth].row)).collect();
            clips = opened.clips(&wanted, &self.configs, until, check);
            damage = opened.damage();
        }
        let made = |(nth, sought): (usize, Result<Sought>)| -> Computed {
            let (key, partners) = match sought? {
                Sought::Found(extracted) => return Ok(Ok(*extracted)),
                Sought::Lacking { key, partners } => (key, partners),
            };
            check()?;
            let clips = match clips.get(&nth) {
                Some(Ok(clips)) => clips,
                Some(Err(reason)) => return Ok(Err(reason.clone())),
                None => return Ok(Err(audio_io::Error::NoSound.to_string())),
            };
            let others = self.others(&partners);
            match self.spectrograms(rows[nth], clips, &opened.sha256, &others).and_then(audible) {
                Ok(clips) => {
                    let spectrograms = self.pack(clips, &opened.sha256, &[(DAMAGE, &damage)])?;
                    Ok(Ok(Extracted { spectrograms, key, fresh: true, is_part: false }))
                }
                Err(error) => Ok(Err(reason(&error, &path))),
            }
        };
        let numbered: Vec<(usize, Result<Sought>)> = computed.drain(..).enumerate().collect();
        let computed = match rows.len() {
            1 => numbered.into_iter().map(made).collect(),
            _ => numbered.into_par_iter().map(made).collect(),
        };
        if let Some(opened) = opened.kept().filter(|_| keep)
            && let Ok(mut kept) = self.kept.lock()
        {
            *kept = Some(opened);
        }
        computed
    }

    /// What the cache has of a row, or what is needed to compute it.
    pub(super) fn sought(&self, sha256: &str, plan: &Plan, planned: &Planned) -> Result<Sought> {
        let views = self.views_of(planned);
        let partners = views.map_or_else(Vec::new, |views| views.partners(plan, planned, sha256));
        let key = self.key(sha256, &planned.row, views, &partners);
        Ok(match self.cached(&key, &plan.manifest.file(&planned.row))? {
            Some(spectrograms) => {
                Sought::Found(Box::new(Extracted { spectrograms, key, fresh: false, is_part: false }))
            }
            None => Sought::Lacking { key, partners },
        })
    }

    /// What the cache has under a key.
    pub(super) fn cached(&self, key: &Key, recording: &Path) -> Result<Option<Spectrograms>> {
        let payload = self.cache.as_ref().map(|cache| cache.get(key)).transpose()?.flatten();
        Ok(payload.and_then(|payload| unpack(&payload, recording)))
    }

    /// What is mixed into the views of a row: one sound a view, whichever of the recording's clips it is mixed into.
    pub(super) fn others(&self, partners: &[Option<Partner>]) -> Vec<Option<Mixed>> {
        partners.iter().map(|p| p.as_ref().and_then(|partner| partner.sound(&self.chain))).collect()
    }

    /// Clips of a row as spectrograms, silent ones too, each followed by those of its views.
    pub(super) fn spectrograms(
        &self,
        planned: &Planned,
        clips: &[Vec<Clip>],
        sha256: &str,
        others: &[Option<Mixed>],
    ) -> Result<Vec<ClipSpectrogram>> {
        let (Some(finished), Some(bare)) = (clips.first(), clips.last()) else { return Ok(Vec::new()) };
        match self.views_of(planned) {
            None => finished
                .par_iter()
                .map_init(
                    || self.front_end.scratch(),
                    |scratch, clip| Ok(Chain::spectrogram(&self.front_end, scratch, clip)?),
                )
                .collect(),
            Some(views) => views.spectrograms(&self.chain, &self.front_end, (finished, bare), sha256, others),
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
    /// `notes` are what the cache keeps beside them; empty ones are left out.
    pub(super) fn pack(
        &self,
        clips: Vec<ClipSpectrogram>,
        source_sha256: &str,
        notes: &[(&str, &str)],
    ) -> Result<Spectrograms> {
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
        let notes: serde_json::Map<String, Value> = notes
            .iter()
            .filter(|(_, note)| !note.is_empty())
            .map(|(name, note)| ((*name).to_owned(), json!(note)))
            .collect();
        let configuration = if notes.is_empty() { Value::Null } else { Value::Object(notes) };
        let provenance = Provenance {
            stage: "cache".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            configuration,
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
pub(super) fn audible(clips: Vec<ClipSpectrogram>) -> Result<Vec<ClipSpectrogram>> {
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
        let is_one = header.clips.iter().filter(|clip| clip.view == 0).count() <= 1;
        let several = self.is_part || !is_one || row.start_s.is_some();
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
