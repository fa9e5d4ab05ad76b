//! What is trained, and on how much.

use crate::config::ConfigSource;
use crate::named::{Named, named};
use crate::strategy::{ModelKind, Strategy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

named! {
    /// What a size counts.
    #[derive(Default)]
    pub enum By {
        #[default]
        Clips = "clips", "Clips: whole groups until there are so many";
        Groups = "groups", "Groups with all their clips, and as many clips of as many groups as there are";
    }
}

/// How much is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// So many clips, or groups.
    Of(usize),
    /// All that there are.
    All,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self::All),
            text => text
                .parse()
                .ok()
                .filter(|n| *n > 0)
                .map(Self::Of)
                .ok_or_else(|| format!("{text}: expected a whole number above 0, or `all`")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(n) => n.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

/// A model that is trained on every size: `KIND[:STRATEGY][=WEIGHTS]`, such as `vit:lora=models/dinov2-small`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Which model.
    pub kind: ModelKind,
    /// Fine-tuning strategy; the CNN has none.
    pub strategy: Option<Strategy>,
    /// Pretrained weights: a folder, a file, or a repository of the hub.
    pub pretrained: Option<String>,
}

impl ModelSpec {
    /// `cnn`, `vit-lora`: its name in tables and folders.
    pub fn name(&self) -> String {
        let strategy = self.strategy.map_or_else(String::new, |strategy| format!("-{}", strategy.name()));
        format!("{}{strategy}", self.kind.name())
    }
}

/// The value of a [`Named`] type, or which there are.
fn value<T: Named>(what: &str, name: &str) -> Result<T, String> {
    let found = T::ALL.iter().find(|(known, value, _)| *known == name || value.old_names().contains(&name));
    let names = || T::ALL.iter().map(|(name, _, _)| *name).collect::<Vec<_>>().join(", ");
    found.map(|(_, value, _)| *value).ok_or_else(|| format!("{what} {name}: expected one of {}", names()))
}

impl FromStr for ModelSpec {
    type Err = String;

    /// Where no strategy is named, it is `lora` for the transformer and `last` for YAMNet.
    fn from_str(text: &str) -> Result<Self, String> {
        let (what, pretrained) = match text.split_once('=') {
            Some((what, pretrained)) => (what, Some(pretrained.to_owned())),
            None => (text, None),
        };
        let (kind, strategy) = match what.split_once(':') {
            Some((kind, strategy)) => (kind, Some(value::<Strategy>("strategy", strategy.trim())?)),
            None => (what, None),
        };
        let kind: ModelKind = value("model", kind.trim())?;
        let strategy = match kind {
            ModelKind::Cnn if strategy.is_some() || pretrained.is_some() => {
                return Err(format!("{text}: the CNN is trained from scratch; expected `cnn` alone"));
            }
            ModelKind::Cnn => None,
            ModelKind::Vit => strategy.or(Some(Strategy::Lora)),
            ModelKind::Yamnet => strategy.or(Some(Strategy::Last)),
        };
        if strategy == Some(Strategy::Auto) {
            return Err(format!("{text}: `auto` is another strategy for another size; name one"));
        }
        Ok(Self { kind, strategy, pretrained })
    }
}

/// Options of [`run`](super::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// How much is trained on.
    pub sizes: Vec<Size>,
    /// What a size counts.
    pub by: By,
    /// The models.
    pub models: Vec<ModelSpec>,
    /// Trainings of each model and size, with seeds from that of the job on. Each seed draws subsets of its own.
    pub seeds: usize,
    /// Repeat the clips of a subset in an epoch, so that it has about as many steps as with all clips. Without it a size is trained as
    /// `train` does it: few clips are few steps.
    pub equal_steps: bool,
    /// Manifests. The first has the clips of the splits `train` and `val`.
    pub manifests: Vec<PathBuf>,
    /// Splits of all the manifests that are measured, each by itself; separated by commas.
    pub split: String,
    /// Configuration of features, models and trainings.
    pub config: ConfigSource,
    /// Folder for sizes.json (or groups.json), the picture, features, and what was measured of each training.
    pub out: PathBuf,
}

impl Options {
    /// 25, 50, 100, 200 and all clips, three seeds, the test split.
    pub fn new(models: Vec<ModelSpec>, manifest: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        let sizes = [25, 50, 100, 200].map(Size::Of).into_iter().chain([Size::All]);
        Self {
            sizes: sizes.collect(),
            by: By::Clips,
            models,
            seeds: 3,
            equal_steps: false,
            manifests: vec![manifest.into()],
            split: "test".into(),
            config: ConfigSource::default(),
            out: out.into(),
        }
    }

    /// The splits that are measured.
    pub(super) fn sets(&self) -> Vec<String> {
        self.split.split(',').map(|set| set.trim().to_owned()).filter(|set| !set.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_with_strategy_and_weights() {
        let of = |text: &str| text.parse::<ModelSpec>();
        assert_eq!(of("cnn").unwrap().name(), "cnn");
        let vit = of("vit=C:/models/dino").unwrap();
        assert_eq!((vit.name(), vit.pretrained.unwrap()), ("vit-lora".to_owned(), "C:/models/dino".to_owned()));
        assert_eq!(of("yamnet:probe=y.tflite").unwrap().name(), "yamnet-probe");
        assert!(of("bat").unwrap_err().contains("cnn, vit, yamnet"));
        assert!(of("vit:auto").is_err() && of("cnn:full").is_err() && of("vit:some").unwrap_err().contains("lora"));
    }

    #[test]
    fn sizes_are_numbers_or_all() {
        assert_eq!(["25", " all"].map(|text| text.parse()), [Ok(Size::Of(25)), Ok(Size::All)]);
        assert!("0".parse::<Size>().is_err() && "few".parse::<Size>().is_err());
        assert_eq!(Size::Of(25).to_string() + &Size::All.to_string(), "25all");
    }
}
