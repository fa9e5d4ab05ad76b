//! Clips that are mixed into the views of others. A clip's partner is of its class and its split: both are what the label
//! gives, and no sound of another split is mixed in. Clips of two classes are mixed where labels can be shares, in training
//! (`train.augment.mixup_alpha`).

use super::mixing::MixConfig;
use super::plan::{Plan, Planned};
use super::views::{Mixed, number_of};
use audio_io::Row;
use audio_io::check::sha256_of_file;
use augment::seed_for;
use inference::Chain;
use std::path::PathBuf;

/// A recording that is mixed into a view.
pub(crate) struct Partner {
    row: Row,
    path: PathBuf,
    sha256: String,
}

impl Partner {
    /// The partner of each view of a row, where it has one that can be read.
    pub(crate) fn of_views(
        plan: &Plan,
        planned: &Planned,
        source_sha256: &str,
        (n_views, seed): (u32, u64),
        config: &MixConfig,
    ) -> Vec<Option<Self>> {
        let others: Vec<&Planned> = match config.share > 0.0 {
            true => plan.rows.iter().filter(|other| other.goes_with(planned)).collect(),
            false => Vec::new(),
        };
        let one = |view: u32| {
            let drawn = seed_for(seed, number_of(&[source_sha256, "partner"]), u64::from(view));
            // The upper half says whether, the lower which.
            let share = (drawn >> 32) as f32 / u32::MAX as f32;
            let other = (share < config.share && !others.is_empty())
                .then(|| others[(drawn & u64::from(u32::MAX)) as usize % others.len()])?;
            let path = plan.manifest.file(&other.row);
            let sha256 = sha256_of_file(&path).ok()?;
            Some(Self { row: other.row.clone(), path, sha256 })
        };
        (1..=n_views).map(one).collect()
    }

    /// All that decides what is mixed in, for the cache.
    pub(crate) fn made_by(&self) -> String {
        format!("{} {} {:?} {:?} {:?}", self.row.path, self.sha256, self.row.start_s, self.row.end_s, self.row.channel)
    }

    /// The sound of its first clip, and its name; nothing where it cannot be used, which is reported for its own row.
    pub(crate) fn sound(&self, chain: &Chain) -> Option<Mixed> {
        let clip = chain.without_floor().first_clip(&self.path, &self.row).ok()??;
        if clip.is_silent() {
            return None;
        }
        Some((clip.samples[..clip.n_real].to_vec(), self.row.path.clone()))
    }
}

impl Planned {
    /// Whether the other is of the same class and split, and not the same sound.
    fn goes_with(&self, other: &Self) -> bool {
        let labeled = self.label != shard::NO_LABEL;
        labeled && (self.label, self.split) == (other.label, other.split) && self.row != other.row
    }
}
