//! The trainings: features once for each front end, and which clips each training takes.

use super::options::{By, ModelSpec, Options, Size};
use super::subset::{Draw, Orders, TrainingClip};
use crate::error::{Result, bail};
use crate::extraction::plan::classes_of;
use crate::features::{self, Preset};
use crate::inputs;
use crate::job::Job;
use crate::named::Named;
use crate::origin::{Origin, missing, origin};
use crate::pretrained::model_file;
use crate::strategy::ModelKind;
use models_vit::Checkpoint;
use serde::{Deserialize, Serialize};
use shard::ClipRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The split that is cut down.
const TRAIN: &str = "train";

/// What is trained on in one training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subset {
    /// The model's name.
    pub model: String,
    /// What a size counts.
    pub by: By,
    /// The size as it was asked for.
    pub size_requested: String,
    /// By groups: whether the clips are of as many groups as there are (`true`), or all clips of so many groups.
    pub spread: bool,
    /// Seed of the training, and of the subset.
    pub seed: u64,
    /// Training clips.
    pub n_clips: usize,
    /// Their groups.
    pub n_groups: usize,
    /// SHA-256 over the names of the clips.
    pub clips_sha256: String,
}

/// One training.
pub(super) struct Planned {
    /// Number of its model.
    pub(super) model: usize,
    pub(super) subset: Subset,
    /// Ids of the clips of the features that are trained on.
    pub(super) ids: BTreeSet<String>,
    pub(super) features: PathBuf,
    /// How often each clip is taken in an epoch, where steps are to be equal.
    pub(super) repeat: Option<usize>,
}

impl Planned {
    /// Folder of what is known of it.
    pub(super) fn folder(&self, out: &Path) -> PathBuf {
        let Subset { model, by, n_clips, n_groups, spread, seed, size_requested, .. } = &self.subset;
        let size = match (by, spread) {
            (By::Clips, _) => format!("{n_clips}-clips"),
            (By::Groups, false) => format!("{n_groups}-groups"),
            (By::Groups, true) => format!("{size_requested}-groups-spread"),
        };
        out.join("runs").join(format!("{model}-{size}-seed-{seed}"))
    }
}

/// All trainings, and what they draw from.
pub(super) struct Plan {
    pub(super) classes: Vec<String>,
    pub(super) n_clips: usize,
    pub(super) n_groups: usize,
    pub(super) runs: Vec<Planned>,
}

/// What turns recordings into a model's input.
struct FrontEnd {
    /// Name of its folder.
    name: &'static str,
    preset: Option<Preset>,
}

impl FrontEnd {
    /// That of a model, whose weights are found.
    fn of(spec: &ModelSpec) -> Result<Self> {
        let weights = spec.pretrained.as_deref().map(origin).transpose()?;
        let named = |preset: Preset| Self { name: preset.name(), preset: Some(preset) };
        Ok(match (spec.kind, weights) {
            (ModelKind::Yamnet, None) => {
                bail!(
                    "--models {}: the weights are wanted: {0}=FILE with YAMNet's, or {0}=yamnet once they are fetched",
                    spec.kind.name()
                )
            }
            (ModelKind::Yamnet, Some(Origin::Missing)) => bail!("{}", missing("--models yamnet:STRATEGY=")),
            (ModelKind::Yamnet, _) => named(Preset::Yamnet),
            (ModelKind::Vit, Some(Origin::Local(folder)))
                if model_file(&folder).is_none() && Checkpoint::open(&folder)?.is_audio() =>
            {
                named(Preset::Ast)
            }
            _ => Self { name: "mel", preset: None },
        })
    }
}

/// Computes the features that are not there yet, and draws the subsets.
pub(super) fn plan(options: &Options, job: &Job<'_>) -> Result<Plan> {
    let manifest = &options.manifests[0];
    let front_ends: Vec<FrontEnd> = options.models.iter().map(FrontEnd::of).collect::<Result<_>>()?;
    let mut folders: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for &FrontEnd { name, preset } in &front_ends {
        let folder = options.out.join("features").join(name);
        if !folders.contains_key(name) && !storage::is_file(folder.join("index.json")) {
            job.say(format!("features: {name}"));
            let mut of = features::Options::new(manifest, &folder);
            of.front_end.config = options.config.clone();
            of.front_end.front_end = preset;
            features::run(&of, job)?;
        }
        folders.insert(name, folder);
    }
    let drawn = Drawn::read(manifest, &folders)?;
    let mut plan = Plan {
        classes: drawn.classes.clone(),
        n_clips: drawn.clips.len(),
        n_groups: drawn.n_groups(),
        runs: Vec::new(),
    };
    let total = match options.by {
        By::Clips => plan.n_clips,
        By::Groups => plan.n_groups,
    };
    let of_size = |size: &Size| -> Result<usize> {
        match size {
            Size::All => Ok(total),
            Size::Of(n) if *n <= total && *n >= plan.classes.len() => Ok(*n),
            Size::Of(n) => bail!(
                "--sizes {n}: expected from {} (one of each class) to {total}, the {} of split {TRAIN} that can be used, or `all`",
                plan.classes.len(),
                options.by.name()
            ),
        }
    };
    let mut sizes: BTreeMap<usize, String> = BTreeMap::new();
    for size in &options.sizes {
        sizes.insert(of_size(size)?, size.to_string());
    }
    for seed in (0..options.seeds as u64).map(|nth| job.seed() + nth) {
        let orders = Orders::new(&drawn.clips, seed);
        for (model, spec) in options.models.iter().enumerate() {
            let name = front_ends[model].name;
            for (&n, requested) in &sizes {
                let draws = match options.by {
                    By::Clips => vec![Draw::Clips(n)],
                    // All clips of all groups are spread already.
                    By::Groups if n == total => vec![Draw::WholeGroups(n)],
                    By::Groups => vec![Draw::WholeGroups(n), Draw::Spread(n)],
                };
                for draw in draws {
                    let chosen = orders.draw(draw);
                    let subset = Subset {
                        model: spec.name(),
                        by: options.by,
                        size_requested: requested.clone(),
                        spread: matches!(draw, Draw::Spread(_)),
                        seed,
                        n_clips: chosen.len(),
                        n_groups: drawn.groups_of(&chosen),
                        clips_sha256: drawn.sha256_of(&chosen),
                    };
                    let ids = chosen.iter().flat_map(|&clip| drawn.ids[name][clip].iter().cloned()).collect();
                    let repeat = options.equal_steps.then(|| drawn.clips.len().div_ceil(chosen.len()));
                    plan.runs.push(Planned { model, subset, ids, features: folders[name].clone(), repeat });
                }
            }
        }
    }
    Ok(plan)
}

/// The training clips: rows of the manifest that every front end made something of.
struct Drawn {
    classes: Vec<String>,
    clips: Vec<TrainingClip>,
    /// Path and start of each, for its hash.
    names: Vec<String>,
    /// By front end, the ids of each clip's windows.
    ids: BTreeMap<String, Vec<Vec<String>>>,
}

impl Drawn {
    fn read(path: &Path, folders: &BTreeMap<&str, PathBuf>) -> Result<Self> {
        let manifest = inputs::manifest(path)?;
        let classes = classes_of(&manifest.rows);
        let is_training = |row: &&audio_io::Row| row.split.as_deref() == Some(TRAIN) && classes.contains(&row.label);
        let rows: Vec<&audio_io::Row> = manifest.rows.iter().filter(is_training).collect();
        let mut by_path: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        rows.iter().enumerate().for_each(|(nth, row)| by_path.entry(&row.path).or_default().push(nth));
        let mut ids: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for (name, folder) in folders {
            let mut of_rows = vec![Vec::new(); rows.len()];
            for record in shard::Clips::open(folder)?.records()? {
                let of_path = by_path.get(record.path.as_str()).into_iter().flatten();
                if let Some(&row) = of_path.into_iter().find(|&&row| holds(rows[row], &record)) {
                    of_rows[row].push(record.id);
                }
            }
            ids.insert((*name).to_owned(), of_rows);
        }
        let kept: Vec<usize> = (0..rows.len()).filter(|&row| ids.values().all(|ids| !ids[row].is_empty())).collect();
        if kept.is_empty() {
            bail!("{}: no usable clip of split {TRAIN}; `barkbird scan` gives clips a split", path.display());
        }
        for of_rows in ids.values_mut() {
            *of_rows = kept.iter().map(|&row| std::mem::take(&mut of_rows[row])).collect();
        }
        let class = |label: &str| classes.iter().position(|class| class == label).unwrap_or(0);
        let clip = |&row: &usize| TrainingClip {
            class: class(&rows[row].label),
            group: rows[row].group.clone().unwrap_or_else(|| rows[row].path.clone()),
        };
        let name = |&row: &usize| format!("{} {:?} {:?}", rows[row].path, rows[row].start_s, rows[row].channel);
        Ok(Self { clips: kept.iter().map(clip).collect(), names: kept.iter().map(name).collect(), classes, ids })
    }

    fn n_groups(&self) -> usize {
        self.groups_of(&(0..self.clips.len()).collect())
    }

    fn groups_of(&self, chosen: &BTreeSet<usize>) -> usize {
        chosen.iter().map(|&clip| (self.clips[clip].class, &self.clips[clip].group)).collect::<BTreeSet<_>>().len()
    }

    fn sha256_of(&self, chosen: &BTreeSet<usize>) -> String {
        let names: Vec<&str> = chosen.iter().map(|&clip| self.names[clip].as_str()).collect();
        shard::sha256_hex(names.join("\n").as_bytes())
    }
}

/// Whether a window is of a row of its recording.
fn holds(row: &audio_io::Row, record: &ClipRecord) -> bool {
    let begins = row.start_s.is_none_or(|start_s| record.start_s >= start_s - 1e-6);
    let ends = row.end_s.is_none_or(|end_s| record.start_s < end_s);
    begins && ends && row.channel.is_none_or(|channel| record.channel == Some(channel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_io::Row;

    #[test]
    fn a_window_is_of_the_row_that_it_begins_in() {
        let row = |start_s, end_s, channel| Row { start_s, end_s, channel, ..Row::default() };
        let window = |start_s, channel| ClipRecord {
            id: String::new(),
            path: String::new(),
            group: None,
            source_sha256: String::new(),
            start_s,
            channel,
            seconds: 1.0,
            view: 0,
            steps: Vec::new(),
        };
        assert!(holds(&row(None, None, None), &window(70.0, Some(1))));
        let part = row(Some(2.0), Some(5.0), None);
        assert_eq!([1.0, 2.0, 4.5, 5.0].map(|at| holds(&part, &window(at, None))), [false, true, true, false]);
        assert!(!holds(&row(None, None, Some(0)), &window(0.0, Some(1))));
    }
}
