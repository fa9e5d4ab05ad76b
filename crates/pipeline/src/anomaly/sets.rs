//! Which clips methods are fitted on, chosen on and measured on.

use super::rows::RowsOptions;
use crate::error::{Error, Result, bail};
use crate::job::Job;
use crate::one_line;
use inference::Model;
use inference::unknown::{
    Backbone, BackboneFeatures, ClipKey, FitFrom, Fitted, Outputs, methods::OodMethod, read_folders,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The split of unknown sounds that a method is chosen on, where it is there and no other is named.
const CHOOSE_ON: &str = "ood-val";

/// All clips, and which part each has.
pub(super) struct Clips {
    pub(super) all: Outputs,
    /// Training clips of the model's classes.
    pub(super) training: Outputs,
    /// Validation clips of the model's classes.
    pub(super) validation: Outputs,
    /// The unknown sounds that a method is chosen on, and their split's name.
    pub(super) choice: Option<(String, Outputs)>,
}

impl Clips {
    /// Reads what the arguments name.
    pub(super) fn read(
        options: &RowsOptions,
        model: &Model,
        backbone: Option<&Backbone>,
        job: &Job<'_>,
    ) -> Result<Self> {
        let open = |backbone| BackboneFeatures::open(backbone, &options.backbone_features, model);
        let backbone = backbone.map(open).transpose()?;
        let all = read_all(model, &options.features, backbone.as_ref(), job)?;
        let splits: BTreeSet<&str> = all.keys.iter().map(|key| key.split.as_str()).collect();
        let there = || splits.iter().copied().collect::<Vec<_>>().join(", ");
        let known = |names: &[String], what: &str| -> Result<Outputs> {
            let rows = all.rows(|key| key.class.is_some() && names.contains(&key.split));
            if rows.is_empty() {
                bail!(
                    "--{what} {}: no clip of the model's classes; the splits there are: {}",
                    names.join(","),
                    there()
                );
            }
            Ok(all.subset(&rows))
        };
        let (training, validation) =
            (known(&options.train_split, "train-split")?, known(&options.val_split, "val-split")?);
        if let Some(both) = options.val_split.iter().find(|name| options.train_split.contains(name)) {
            bail!("--val-split {both}: methods are fitted on it; what they are calibrated on has to be new to them");
        }
        let name = options.choose_on.clone().or_else(|| splits.contains(CHOOSE_ON).then(|| CHOOSE_ON.to_owned()));
        let choice = match name {
            None => None,
            Some(name) => {
                let rows = all.rows(|key| key.split == name && is_unknown(key));
                if rows.is_empty() {
                    bail!("--choose-on {name}: no unknown sound in it; the splits there are: {}", there());
                }
                let unknowns = all.subset(&rows);
                let trained_with = model.header.training["exposure"]["split"].as_str().unwrap_or_default();
                if trained_with.split(',').any(|split| split.trim() == name) {
                    job.warn(format!(
                        "{name}: the model was trained with these unknowns beside its clips, so that what is chosen on \
                         them looks too good; name others with --choose-on"
                    ));
                }
                Some((name, unknowns))
            }
        };
        Ok(Self { training, validation, choice, all })
    }

    /// What methods are fitted from.
    pub(super) fn fit_from(&self) -> FitFrom<'_> {
        let unknowns = self.choice.as_ref().map(|(_, unknowns)| unknowns);
        FitFrom { training: &self.training, validation: &self.validation, unknowns }
    }

    /// Unknown sounds by split. Those without a label in a split that is not `ood-…` count too: `neither` of `scan` has none.
    pub(super) fn unknowns(&self) -> BTreeMap<String, Outputs> {
        let splits: BTreeSet<String> =
            self.all.keys.iter().filter(|key| is_unknown(key)).map(|key| key.split.clone()).collect();
        let of = |split: String| {
            let rows = self.all.rows(|key| key.split == split && is_unknown(key));
            (set_name(&split), self.all.subset(&rows))
        };
        splits.into_iter().map(of).collect()
    }

    /// Known clips of each split that had no part in fitting or choosing; or of those that are named.
    pub(super) fn knowns(&self, named: &[String], options: &RowsOptions) -> Result<BTreeMap<String, Outputs>> {
        let had_a_part = |split: &String| options.train_split.contains(split) || options.val_split.contains(split);
        if let Some(split) = named.iter().find(|split| had_a_part(split)) {
            bail!("--known {split}: it had a part in fitting or choosing, so that figures on it would be too good");
        }
        let is_wanted = |key: &ClipKey| {
            let by_default = named.is_empty() && !key.split.starts_with("ood") && !had_a_part(&key.split);
            key.class.is_some() && (by_default || named.contains(&key.split))
        };
        let mut splits: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for row in self.all.rows(is_wanted) {
            splits.entry(self.all.keys[row].split.clone()).or_default().push(row);
        }
        if splits.is_empty() {
            bail!("no clip of known sounds is left to compare with; name a split of labeled clips with --known");
        }
        Ok(splits.into_iter().map(|(split, rows)| (split, self.all.subset(&rows))).collect())
    }
}

/// Reads features folders, with progress.
pub(super) fn read_all(
    model: &Model,
    folders: &[PathBuf],
    backbone: Option<&BackboneFeatures<'_>>,
    job: &Job<'_>,
) -> Result<Outputs> {
    let progress = job.progress("forward", 0);
    let step = |done: usize, _: usize| {
        progress.set(done);
        !job.cancel.is_cancelled()
    };
    read_folders(model, folders, backbone, &step).map_err(|error| match error {
        inference::Error::Cancelled => Error::Cancelled { kept: "nothing was written".into() },
        other => other.into(),
    })
}

/// What the unknown sounds of a split are called in results.
pub(super) fn set_name(split: &str) -> String {
    if split.starts_with("ood") { split.to_owned() } else { format!("neither-{split}") }
}

/// A clip of no class of the model, or of a split of unknown sounds.
fn is_unknown(key: &ClipKey) -> bool {
    key.class.is_none() || key.split.starts_with("ood")
}

/// Fits every method whose inputs are there, and reports which were left out.
pub(super) fn fit_all(methods: Vec<OodMethod>, clips: &Clips, job: &Job<'_>) -> Result<Vec<Fitted>> {
    let bar = job.progress("fit", methods.len());
    let mut fitted = Vec::new();
    for method in methods {
        job.check("nothing was written")?;
        if method.needs_unknowns() && clips.choice.is_none() {
            job.say(format!("{}: left out, for there are no labeled unknown sounds (--choose-on)", method.name));
        } else {
            match Fitted::fit(&method, &clips.fit_from()) {
                Ok(one) => fitted.push(one),
                Err(error) => job.warn(format!("left out: {}", one_line(&error))),
            }
        }
        bar.inc(1);
    }
    drop(bar);
    Ok(fitted)
}
