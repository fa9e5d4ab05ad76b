//! Candidates that are trained: one training for each fold, and one on all clips where the choice takes it.

use super::table::Table;
use crate::augment;
use crate::config::Strength;
use crate::error::{Context, Result};
use crate::features::Preset;
use crate::job::Job;
use crate::strategy::{ModelKind, Strategy};
use crate::train::{self, Start};
use crate::workers::pool::{Task, Workers};
use crate::workers::process;
use crate::workers::side_by_side::side_by_side;
use audio_io::folds::fold_name;
use inference::{MODEL_FILE, Model};
use std::path::{Path, PathBuf};

/// Views of each clip beside the clip itself.
const N_VIEWS: usize = 4;

/// What clips are varied by before a network sees them: other sample rates, noise floors. Both give a recording away that
/// should not count (docs/new-places.md).
const VIEWS: [(&str, &str); 4] = [
    ("augment.waveform.low_rate.share", "0.8"),
    ("augment.waveform.low_rate.rate_hz", "[5000.0, 22050.0]"),
    ("augment.waveform.noise.share", "0.5"),
    ("augment.waveform.noise.snr_db", "[0.0, 40.0]"),
];

/// Silent ends of short clips are cut off before they are repeated: it helps the network from scratch and hurts pretrained ones
/// (docs/new-places.md).
const TRIMMED: [(&str, &str); 1] = [("clip.trim_db", "50")];

/// Settings of every training: large groups count less.
const TRAINING: [(&str, &str); 1] = [("train.group_balance", "0.5")];

/// A network that can be a candidate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    /// Its name in tables and in the model.
    pub(super) name: &'static str,
    /// Which model.
    pub(super) model: ModelKind,
    /// Which of its weights are trained, where it is pretrained.
    pub(super) strategy: Option<Strategy>,
    /// The folder or file of its weights, where it is pretrained.
    pub(super) pretrained: Option<PathBuf>,
    /// Its front end.
    pub(super) front_end: Option<Preset>,
    /// Passes over all views.
    pub(super) epochs: usize,
}

impl Network {
    /// The convolutional network, from scratch.
    pub(super) fn cnn() -> Self {
        Self { name: "cnn", model: ModelKind::Cnn, strategy: None, pretrained: None, front_end: None, epochs: 14 }
    }

    /// The last four layers of YAMNet.
    pub(super) fn yamnet(weights: &Path) -> Self {
        Self {
            name: "yamnet_last4",
            model: ModelKind::Yamnet,
            strategy: Some(Strategy::Last),
            pretrained: Some(weights.to_owned()),
            front_end: Some(Preset::Yamnet),
            epochs: 5,
        }
    }

    /// A linear layer over a Vision Transformer.
    pub(super) fn vit(weights: &Path) -> Self {
        Self {
            name: "vit_probe",
            model: ModelKind::Vit,
            strategy: Some(Strategy::Probe),
            pretrained: Some(weights.to_owned()),
            front_end: None,
            epochs: 20,
        }
    }

    /// How often each clip is shown in a pass: as it is, and as each view.
    pub(super) fn n_shown() -> f64 {
        1.0 + N_VIEWS as f64
    }

    /// Seconds that a clip takes on one core: a step of training, and a forward pass.
    pub(super) fn costs_s(&self, cnn: f64, yamnet: f64, cnn_pass: f64, yamnet_pass: f64, vit_pass: f64) -> (f64, f64) {
        match self.model {
            ModelKind::Cnn => (cnn, cnn_pass),
            ModelKind::Yamnet => (yamnet, yamnet_pass),
            // Its frozen layers are computed once for each training.
            ModelKind::Vit => (0.0, vit_pass),
        }
    }

    /// Seconds that a clip takes once for each training.
    pub(super) fn once_s(&self, vit_pass: f64) -> f64 {
        if self.model == ModelKind::Vit { 6.0 * vit_pass } else { 0.0 }
    }

    /// Computes the views of all clips, which the trainings share.
    pub(super) fn views(&self, folds: &Path, table: &Table, work: &Path, job: &Job<'_>) -> Result<PathBuf> {
        let out = work.join(format!("views-{}", self.name));
        if storage::exists(out.join("index.json")) {
            return Ok(out);
        }
        let mut options = augment::Options::new(folds, &out);
        options.views = N_VIEWS;
        options.splits = (0..table.n_folds).map(fold_name).collect();
        options.strength = Some(Strength::Off);
        options.front_end.front_end = self.front_end;
        options.front_end.config.set = owned(&VIEWS);
        if self.model == ModelKind::Cnn {
            options.front_end.config.set.extend(owned(&TRIMMED));
        }
        options.cache = false;
        augment::run(&options, job)?;
        Ok(out)
    }

    /// Trains on all folds but one, or on all. A training that is there is taken, one that was interrupted goes on.
    pub(super) fn train(
        &self,
        views: &Path,
        n_folds: usize,
        held_out: Option<usize>,
        work: &Path,
        job: &Job<'_>,
    ) -> Result<Model> {
        let options = self.options(views, n_folds, held_out, work);
        if !is_trained(&options) {
            let quiet = Job { observer: &Quiet(job), ..job.clone() };
            train::run(&options, &quiet).with_context(|| format!("{}: training", self.name))?;
        }
        Ok(Model::open_on(&options.out, &job.device)?)
    }

    /// Does the trainings of the folds in the processes of `workers`; [`train`](Self::train) then finds them done.
    pub(super) fn train_folds(
        &self,
        workers: &Workers,
        views: &Path,
        n_folds: usize,
        work: &Path,
        job: &Job<'_>,
    ) -> Result<()> {
        let all = (0..n_folds).map(|fold| self.options(views, n_folds, Some(fold), work));
        let open: Vec<train::Options> = all.filter(|options| !is_trained(options)).collect();
        let quiet = Job { observer: &Quiet(job), ..job.clone() };
        let progress = job.progress("training", n_folds);
        progress.set(n_folds - open.len());
        let of_fold = |nth: usize, worker: usize| {
            let task = Task::Train(Box::new(open[nth].clone()));
            process::work(workers, worker, &task, &quiet, &mut |_| {})
        };
        let done = |_, ()| progress.inc(1);
        let trained = side_by_side(workers.names.len(), open.len(), job, "", &of_fold, &done);
        job.check("")?;
        trained.with_context(|| format!("{}: training", self.name))
    }

    fn options(&self, views: &Path, n_folds: usize, held_out: Option<usize>, work: &Path) -> train::Options {
        let name = held_out.map_or("all".to_owned(), |fold| fold.to_string());
        let out = work.join(format!("{}-{name}", self.name));
        let mut options = train::Options::new(self.model, views, &out);
        let folds: Vec<String> = (0..n_folds).filter(|fold| Some(*fold) != held_out).map(fold_name).collect();
        options.train_split = folds.join(",");
        options.val_split = "none".into();
        options.config.set = owned(&TRAINING);
        options.epochs = Some(self.epochs);
        // Views have what the recipe of the network from scratch adds while training.
        options.augment = (self.model == ModelKind::Cnn).then_some(Strength::Light);
        options.strategy = self.strategy;
        options.pretrained = self.pretrained.as_ref().map(|path| path.display().to_string());
        options.start = if storage::exists(out.join("last.safetensors")) { Start::Resume } else { Start::Overwrite };
        options
    }
}

fn is_trained(options: &train::Options) -> bool {
    storage::exists(options.out.join(MODEL_FILE))
}

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Passes progress and warnings on, but not what each of many trainings says about itself.
struct Quiet<'a>(&'a Job<'a>);

impl crate::Observer for Quiet<'_> {
    fn event(&self, event: crate::Event<'_>) {
        // That there are no validation clips is meant: the folds are.
        if !matches!(event, crate::Event::Message(_) | crate::Event::Epoch(_) | crate::Event::Warning(_)) {
            self.0.observer.event(event);
        }
    }
}
