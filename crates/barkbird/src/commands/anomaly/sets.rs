//! Which clips ways are fitted on, chosen on and measured on.

use crate::cli::RowsArgs;
use crate::model::Loaded;
use crate::outlier::backbone::Backbone;
use crate::outlier::fitted::{FitFrom, Fitted};
use crate::outlier::methods::Way;
use crate::outlier::table::{self, Place, Table};
use crate::ui::Ui;
use anyhow::{Result, bail};
use candle_core::Device;
use std::collections::{BTreeMap, BTreeSet};

/// The split of unknown sounds that a way is chosen on, where it is there and no other is named.
const CHOOSE_ON: &str = "ood-val";

/// All clips, and which part each has.
pub(super) struct Clips {
    pub(super) all: Table,
    /// Training clips of the model's classes.
    pub(super) training: Table,
    /// Validation clips of the model's classes.
    pub(super) validation: Table,
    /// The unknown sounds that a way is chosen on, and their split's name.
    pub(super) choice: Option<(String, Table)>,
}

impl Clips {
    /// Reads what the arguments name.
    pub(super) fn read(
        args: &RowsArgs,
        loaded: &Loaded,
        backbone: Option<&Backbone>,
        device: &Device,
        ui: &Ui,
    ) -> Result<Self> {
        let backbone = backbone.map(|backbone| (backbone, args.backbone_features.as_slice()));
        let all = table::read(loaded, device, &args.features, backbone, ui)?;
        let splits: BTreeSet<&str> = all.places.iter().map(|place| place.split.as_str()).collect();
        let there = || splits.iter().copied().collect::<Vec<_>>().join(", ");
        let known = |names: &[String], what: &str| -> Result<Table> {
            let rows = all.rows(|place| place.class.is_some() && names.contains(&place.split));
            if rows.is_empty() {
                bail!(
                    "--{what} {}: no clip of the model's classes; the splits there are: {}",
                    names.join(","),
                    there()
                );
            }
            Ok(all.subset(&rows))
        };
        let (training, validation) = (known(&args.train_split, "train-split")?, known(&args.val_split, "val-split")?);
        if let Some(both) = args.val_split.iter().find(|name| args.train_split.contains(name)) {
            bail!("--val-split {both}: ways are fitted on it; what they are calibrated on has to be new to them");
        }
        let name = args.choose_on.clone().or_else(|| splits.contains(CHOOSE_ON).then(|| CHOOSE_ON.to_owned()));
        let choice = match name {
            None => None,
            Some(name) => {
                let rows = all.rows(|place| place.split == name && is_unknown(place));
                if rows.is_empty() {
                    bail!("--choose-on {name}: no unknown sound in it; the splits there are: {}", there());
                }
                let unknowns = all.subset(&rows);
                let trained_with = loaded.header.training["exposure"]["split"].as_str().unwrap_or_default();
                if trained_with.split(',').any(|split| split.trim() == name) {
                    ui.warn(format!(
                        "{name}: the model was trained with these unknowns beside its clips, so that what is chosen on \
                         them looks too good; name others with --choose-on"
                    ));
                }
                Some((name, unknowns))
            }
        };
        Ok(Self { training, validation, choice, all })
    }

    /// What ways are fitted from.
    pub(super) fn fit_from(&self) -> FitFrom<'_> {
        let unknowns = self.choice.as_ref().map(|(_, unknowns)| unknowns);
        FitFrom { training: &self.training, validation: &self.validation, unknowns }
    }

    /// Unknown sounds by split. Those without a label in a split that is not `ood-…` count too: `neither` of `scan` has none.
    pub(super) fn unknowns(&self) -> BTreeMap<String, Table> {
        let splits: BTreeSet<String> =
            self.all.places.iter().filter(|place| is_unknown(place)).map(|place| place.split.clone()).collect();
        let of = |split: String| {
            let rows = self.all.rows(|place| place.split == split && is_unknown(place));
            (set_name(&split), self.all.subset(&rows))
        };
        splits.into_iter().map(of).collect()
    }

    /// Known clips of each split that had no part in fitting or choosing; or of those that are named.
    pub(super) fn knowns(&self, named: &[String], args: &RowsArgs) -> Result<BTreeMap<String, Table>> {
        let had_a_part = |split: &String| args.train_split.contains(split) || args.val_split.contains(split);
        if let Some(split) = named.iter().find(|split| had_a_part(split)) {
            bail!("--known {split}: it had a part in fitting or choosing, so that figures on it would be too good");
        }
        let is_wanted = |place: &Place| {
            let by_default = named.is_empty() && !place.split.starts_with("ood") && !had_a_part(&place.split);
            place.class.is_some() && (by_default || named.contains(&place.split))
        };
        let mut splits: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for row in self.all.rows(is_wanted) {
            splits.entry(self.all.places[row].split.clone()).or_default().push(row);
        }
        if splits.is_empty() {
            bail!("no known clip is left to tell unknown sounds from; name a split of labelled clips with --known");
        }
        Ok(splits.into_iter().map(|(split, rows)| (split, self.all.subset(&rows))).collect())
    }
}

/// What the unknown sounds of a split are called in results.
pub(super) fn set_name(split: &str) -> String {
    if split.starts_with("ood") { split.to_owned() } else { format!("neither-{split}") }
}

/// A clip of no class of the model, and of no split of unknown sounds that somebody gave a label of it.
fn is_unknown(place: &Place) -> bool {
    place.class.is_none() || place.split.starts_with("ood")
}

/// Fits every way for which there is what it needs, and says which were left out.
pub(super) fn fit_all(ways: Vec<Way>, clips: &Clips, ui: &Ui) -> Result<Vec<Fitted>> {
    let bar = ui.bar(ways.len(), "fit");
    let mut fitted = Vec::new();
    for way in ways {
        crate::cancel::check("nothing was written")?;
        if way.needs_unknowns() && clips.choice.is_none() {
            ui.say(format!("{}: left out, for there are no labelled unknown sounds (--choose-on)", way.name));
        } else {
            match Fitted::fit(&way, &clips.fit_from()) {
                Ok(one) => fitted.push(one),
                Err(error) => ui.warn(format!("left out: {}", crate::one_line(&error))),
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(fitted)
}
