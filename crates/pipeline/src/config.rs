//! One configuration for everything that a flag can say: defaults, then the file, then the flags.

use crate::compute::ComputeConfig;
use crate::error::{Context, Result, bail};
pub use crate::extraction::mixing::MixConfig;

use crate::named::named;
use crate::strategy::{FinetuneConfig, VitSettings};
use audio_io::ClipConfig;
use audio_io::equalize::{COMMON_BAND_HZ, COMMON_FLOOR_DB, Equalize};
use augment::SpectrogramAugment;
use augment::waveform::WaveformAugment;
use features::{FrontEndConfig, Preset};
use models_cnn::{CnnConfig, YamnetConfig};
use serde::{Deserialize, Serialize};
use std::path::Path;
use train::TrainConfig;

/// The length that `--equalize length` gives clips, in seconds: few recordings are shorter, and a bark or a phrase of a
/// song fits.
const COMMON_SECONDS: f64 = 2.0;

named! {
    /// How strongly training clips are varied.
    pub enum Strength {
        Off = "off", "Not at all";
        Light = "light", "Masks, roll, gain, mixup";
        Strong = "strong", "More of all; tilt, noise floors and band limits too";
    }
}

named! {
    /// What a recorder adds to a recording.
    pub enum Nuisance {
        Band = "band", "Its bandwidth and its noise floor";
        Level = "level", "Its level";
        Length = "length", "Its length";
    }
}

named! {
    /// How spectrogram values are stored.
    #[derive(Default)]
    pub enum Dtype {
        #[default]
        F32 = "f32", "32-bit floats";
        F16 = "f16", "16-bit floats: half the disk, about three digits";
    }
}

impl From<Dtype> for shard::MelDtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
        }
    }
}

/// A configuration file, and single keys (dotted key and TOML value) that override it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigSource {
    /// The file (TOML).
    pub file: Option<std::path::PathBuf>,
    /// Keys that override it, such as `("train.epochs", "4")`.
    pub set: Vec<(String, String)>,
}

/// The resolved configuration of a run, and the shape of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// From a recording to clips.
    pub clip: ClipConfig,
    /// From a clip to a spectrogram.
    pub front_end: FrontEndConfig,
    /// The convolutional network.
    pub cnn: CnnConfig,
    /// The Vision Transformer, beyond its checkpoint.
    pub vit: VitSettings,
    /// YAMNet.
    pub yamnet: YamnetConfig,
    /// How a pretrained model is fitted.
    pub finetune: FinetuneConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// What it is computed with.
    pub compute: ComputeConfig,
    /// What `augment` makes views by; what training varies clips by is `train.augment`.
    pub augment: AugmentConfig,
}

/// What `augment` makes views by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Of recordings.
    pub waveform: WaveformAugment,
    /// Of spectrograms; its mixup and CutMix are the training loop's alone.
    pub spectrogram: SpectrogramAugment,
    /// Another clip of the same class in a view of a recording; off in every preset.
    pub mix: MixConfig,
}

impl AugmentConfig {
    /// Both by the name that `--augment` has for them.
    pub fn preset(strength: Strength) -> Self {
        let (waveform, spectrogram) = match strength {
            Strength::Off => (WaveformAugment::off(), SpectrogramAugment::off()),
            Strength::Light => (WaveformAugment::light(), SpectrogramAugment::light()),
            Strength::Strong => (WaveformAugment::strong(), SpectrogramAugment::strong()),
        };
        Self { waveform, spectrogram, mix: MixConfig::default() }
    }
}

impl Config {
    /// Defaults, overlaid by `file`, overlaid by `flags`: pairs of a dotted key (`train.epochs`) and a TOML value.
    pub fn resolve(file: Option<&Path>, flags: &[(String, String)]) -> Result<Self> {
        Self::resolve_from(&Self::default(), file, flags)
    }

    /// The same with `base` for the defaults.
    pub fn resolve_from(base: &Self, file: Option<&Path>, flags: &[(String, String)]) -> Result<Self> {
        let mut table = toml::Table::try_from(base).context("default configuration")?;
        if let Some(path) = file {
            let text = storage::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))?;
            let mut read: toml::Table = text.parse().with_context(|| format!("{}: not TOML", path.display()))?;
            with_written_names(&mut read);
            check_keys(&table, &read, "").with_context(|| path.display().to_string())?;
            complete(&mut read).context("train.augment")?;
            overlay(&mut table, read);
        }
        for (key, value) in flags {
            let key: Vec<&str> = key.split('.').map(written_name).collect();
            set(&mut table, &key.join("."), value)?;
        }
        let config: Self = table.try_into().context("configuration")?;
        if config.clip.sample_rate_hz != config.front_end.sample_rate_hz {
            bail!(
                "clip.sample_rate_hz is {} and front_end.sample_rate_hz is {}: both must be the same",
                config.clip.sample_rate_hz,
                config.front_end.sample_rate_hz
            );
        }
        Ok(config)
    }

    /// The configuration as a TOML file.
    pub fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string(self)?)
    }
}

/// A `train.augment` with all keys that are always written was written whole, maybe by an older version: what it lacks is
/// off there, and not as in the recipe.
fn complete(read: &mut toml::Table) -> Result<()> {
    let written = toml::Table::try_from(SpectrogramAugment::off())?;
    let section = read.get_mut("train").and_then(|train| train.get_mut("augment"));
    if let Some(toml::Value::Table(augment)) = section
        && written.keys().all(|key| augment.contains_key(key))
    {
        augment.entry("gate_share").or_insert(toml::Value::Float(0.0));
    }
    Ok(())
}

/// A whole section as a flag, for flags that set many keys: `--set` comes after them and can change one.
pub fn section_flag(key: &str, section: &impl Serialize) -> Result<(String, String)> {
    Ok((key.to_owned(), toml::Value::try_from(section)?.to_string()))
}

/// `--front-end` as flags: a whole front end and its rate where a pretrained model expects all of it, else
/// the kind alone, so that the other settings stay those of the file.
pub fn preset_flags(preset: Preset) -> Result<Vec<(String, String)>> {
    let front_end = preset.config();
    if !preset.is_of_a_model() {
        return Ok(vec![section_flag("front_end.kind", &front_end.kind)?]);
    }
    Ok(vec![
        ("clip.sample_rate_hz".to_owned(), front_end.sample_rate_hz.to_string()),
        section_flag("front_end", &front_end)?,
    ])
}

/// What `--equalize band` does.
pub fn common_band() -> Equalize {
    Equalize { band_hz: Some(COMMON_BAND_HZ), floor_db: Some(COMMON_FLOOR_DB) }
}

/// `--equalize` as flags.
pub fn equalize_flags(nuisances: &[Nuisance]) -> Vec<(String, String)> {
    let mut flags = Vec::new();
    let mut flag = |key: &str, value: String| flags.push((format!("clip.{key}"), value));
    for nuisance in nuisances {
        match nuisance {
            Nuisance::Band => {
                let [low_hz, high_hz] = COMMON_BAND_HZ;
                flag("equalize.band_hz", format!("[{low_hz:?}, {high_hz:?}]"));
                flag("equalize.floor_db", format!("{COMMON_FLOOR_DB:?}"));
            }
            Nuisance::Level => flag("level", "\"peak\"".to_owned()),
            Nuisance::Length => {
                flag("window.placement", "\"loudest\"".to_owned());
                flag("window.seconds", format!("{COMMON_SECONDS:?}"));
                flag("window.padding", "\"silence\"".to_owned());
            }
        }
    }
    flags
}

/// A mistyped section is reported with the sections there are; mistyped fields are reported by the types themselves.
fn check_keys(known: &toml::Table, read: &toml::Table, at: &str) -> Result<()> {
    for key in read.keys() {
        if !known.contains_key(key) {
            let there: Vec<_> = known.keys().map(String::as_str).collect();
            bail!("unknown section {at}{key}; there are: {}", there.join(", "));
        }
    }
    Ok(())
}

/// Keys that may have another name, and the name that is written: those of older versions, and American spelling of names
/// that older versions read.
const OTHER_NAMES: [(&str, &str); 4] =
    [("way", "strategy"), ("neighbors", "neighbours"), ("n_neighbors", "n_neighbours"), ("colors", "colours")]; // spelling: as written

fn written_name(key: &str) -> &str {
    OTHER_NAMES.iter().find(|(other, _)| *other == key).map_or(key, |(_, written)| written)
}

/// The same table with the names that are written, so that a key and its other name are one.
fn with_written_names(table: &mut toml::Table) {
    let keys: Vec<String> = table.keys().filter(|key| written_name(key) != key.as_str()).cloned().collect();
    for key in keys {
        if let Some(value) = table.remove(&key) {
            table.insert(written_name(&key).to_owned(), value);
        }
    }
    for (_, value) in table.iter_mut() {
        if let toml::Value::Table(inner) = value {
            with_written_names(inner);
        }
    }
}

/// A table that names its kind replaces one of another kind as a whole, so that nothing of the other is left behind.
fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) if same_kind(below, &above) => {
                overlay(below, above);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// A kind is named by a field `name` (`front_end.kind`) or is the only key (`output = { db = ... }`).
fn same_kind(below: &toml::Table, above: &toml::Table) -> bool {
    let another_only_key = below.len() == 1 && above.len() == 1 && !below.keys().eq(above.keys());
    !another_only_key && above.get("name").is_none_or(|name| Some(name) == below.get("name"))
}

fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<()> {
    // A bare word is a string; everything else is what TOML makes of it.
    let parsed = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    let parsed = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut at = &mut *table;
    for (depth, part) in parts.into_iter().enumerate() {
        let there: Vec<_> = at.keys().cloned().collect();
        if depth > 0 && !at.contains_key(part) {
            // A section that is written only where it is not empty; its type knows whether it exists.
            at.insert(part.to_owned(), toml::Value::Table(toml::Table::new()));
        }
        at = match at.get_mut(part) {
            Some(toml::Value::Table(inner)) => inner,
            _ => bail!("{key}: there is no section {part}; there are: {}", there.join(", ")),
        };
    }
    at.insert(last.to_owned(), parsed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let folder = std::env::temp_dir().join(format!("barkbird-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("c.toml");
        std::fs::write(&path, "[train]\nepochs = 3\nbatch_size = 7\n").unwrap();
        let config = Config::resolve(Some(&path), &[pair("train.epochs", "4")]).unwrap();
        assert_eq!((config.train.epochs, config.train.batch_size), (4, 7));
        std::fs::write(&path, "[trian]\nepochs = 3\n").unwrap();
        let message = crate::one_line(&Config::resolve(Some(&path), &[]).unwrap_err());
        assert!(message.contains("c.toml") && message.contains("unknown section trian"), "{message}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_may_have_its_older_name() {
        let folder = std::env::temp_dir().join(format!("barkbird-names-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("c.toml");
        std::fs::write(&path, "[finetune]\nway = \"lora\"\n").unwrap();
        let config = Config::resolve(Some(&path), &[pair("finetune.neighbors.k", "3")]).unwrap();
        assert_eq!((config.finetune.strategy, config.finetune.neighbors.k), (crate::strategy::Strategy::Lora, 3));
        let text = config.to_toml().unwrap();
        assert!(text.contains("strategy = \"lora\"") && !text.contains("way ="), "{text}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_resolved_file_reads_back() {
        let config = Config::resolve(None, &[pair("train.lr", "0.002")]).unwrap();
        let text = config.to_toml().unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_preset_is_the_kind_alone_or_a_models_whole_front_end() {
        let folder = std::env::temp_dir().join(format!("barkbird-preset-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("c.toml");
        std::fs::write(&path, "[front_end]\nhop = 256\nremove_dc = true\n").unwrap();
        let resolve = |preset| Config::resolve(Some(&path), &preset_flags(preset).unwrap()).unwrap();
        for preset in Preset::ALL {
            let config = resolve(preset);
            if preset.is_of_a_model() {
                assert_eq!((config.front_end, config.clip.sample_rate_hz), (preset.config(), 16_000), "{preset}");
            } else {
                let expected = FrontEndConfig { hop: 256, remove_dc: true, ..preset.config() };
                assert_eq!((config.front_end, config.clip.sample_rate_hz), (expected, 22_050), "{preset}");
            }
        }
        let mut flags = preset_flags(Preset::Yamnet).unwrap();
        flags.push(pair("front_end.hop", "80"));
        assert_eq!(
            Config::resolve(None, &flags).unwrap().front_end,
            FrontEndConfig { hop: 80, ..Preset::Yamnet.config() }
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_may_say_another_scale_of_the_values() {
        let folder = std::env::temp_dir().join(format!("barkbird-scale-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("c.toml");
        std::fs::write(&path, "[front_end.kind]\nspectrum = \"magnitude\"\noutput = { ln = { offset = 0.5 } }\n")
            .unwrap();
        let config = Config::resolve(Some(&path), &[]).unwrap();
        let features::Kind::LogMel(log_mel) = config.front_end.kind else { panic!("{config:?}") };
        assert_eq!(log_mel.output, features::Output::Ln(features::Quietest::Offset(0.5)));
        std::fs::write(&path, "[front_end.kind]\noutput = { db = { top_db = 60.0 } }\n").unwrap();
        let config = Config::resolve(Some(&path), &[]).unwrap();
        let features::Kind::LogMel(log_mel) = config.front_end.kind else { panic!("{config:?}") };
        let db = features::Output::Db { reference: features::Reference::One, top_db: Some(60.0) };
        assert_eq!(log_mel.output, db);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn equalizing_is_a_set_of_keys_that_set_can_change() {
        let mut flags = equalize_flags(&[Nuisance::Band, Nuisance::Level, Nuisance::Length]);
        flags.push(pair("clip.equalize.floor_db", "[40.0, 40.0]"));
        let clip = Config::resolve(None, &flags).unwrap().clip;
        assert_eq!((clip.equalize.band_hz, clip.equalize.floor_db), (Some(COMMON_BAND_HZ), Some([40.0, 40.0])));
        assert_eq!((clip.window.seconds, clip.window.placement), (COMMON_SECONDS, audio_io::Placement::Loudest));
        for wrong in ["clip.equalizer.floor_db", "clip.equalize.floor"] {
            assert!(Config::resolve(None, &[pair(wrong, "40.0")]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_that_differ_and_unknown_fields_are_refused() {
        let message = Config::resolve(None, &[pair("clip.sample_rate_hz", "16000")]).unwrap_err().to_string();
        assert!(message.contains("both must be the same"), "{message}");
        let message = crate::one_line(&Config::resolve(None, &[pair("train.epoch", "3")]).unwrap_err());
        assert!(message.contains("epoch"), "{message}");
    }
}
