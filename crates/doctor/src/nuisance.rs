//! Nuisance variables: properties of a recording that are unrelated to its sound, such as rate, level, length, name.

use crate::error::Result;
use crate::table::Table;
use crate::truth::Truth;
use stats::median;
use std::collections::BTreeMap;

/// Names that get a column of their own; rarer ones share the last.
const MAX_NAMES: usize = 24;

/// A nuisance variable, measured on every clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Nuisance {
    /// Its name, such as `noise_floor`.
    pub name: String,
    /// Its name as the subject of a sentence, such as `the noise floor`.
    pub words: String,
    /// Whether it is in the audio, so that a model can use it. A file name is not; where it predicts the class, the classes
    /// come from different sources.
    pub audible: bool,
    /// Its values, one row for each clip.
    pub table: Table,
    /// Typical values of each class, in words, `[n_classes]`, such as `5.3 to 8 kHz`.
    pub typical: Vec<String>,
}

impl Nuisance {
    /// One number for each clip, in `unit`. A value that is not finite is a missing one.
    ///
    /// # Errors
    /// As [`Table::from_columns`].
    pub fn number(name: &str, words: &str, unit: &str, values: &[f64], truth: &Truth) -> Result<Self> {
        let of = |class: usize| {
            let of_class = values.iter().zip(&truth.labels).filter(|(v, l)| **l == class && v.is_finite());
            let known: Vec<f64> = of_class.map(|(value, _)| *value).collect();
            let middle = median(&known);
            middle.map_or("unknown".into(), |middle| format!("{} {unit}", rounded(middle)).trim_end().to_owned())
        };
        let typical = (0..truth.n_classes()).map(of).collect();
        Ok(Self::new(name, words, Table::from_columns(&[values.to_vec()])?, typical))
    }

    /// Several numbers for each clip, as `[n_columns][n_clips]`.
    ///
    /// # Errors
    /// As [`Table::from_columns`].
    pub fn numbers(name: &str, words: &str, columns: &[Vec<f64>]) -> Result<Self> {
        Ok(Self::new(name, words, Table::from_columns(columns)?, Vec::new()))
    }

    /// A category for each clip, such as a codec or a folder.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn names<S: AsRef<str>>(name: &str, words: &str, values: &[S], truth: &Truth) -> Result<Self> {
        let mut counts = BTreeMap::<&str, usize>::new();
        values.iter().for_each(|value| *counts.entry(value.as_ref()).or_default() += 1);
        let mut common: Vec<(&str, usize)> = counts.into_iter().collect();
        common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        common.truncate(MAX_NAMES);
        let n_columns = common.len() + 1;
        let mut table = vec![0.0; values.len() * n_columns];
        for (row, value) in table.chunks_exact_mut(n_columns).zip(values) {
            row[common.iter().position(|(name, _)| *name == value.as_ref()).unwrap_or(common.len())] = 1.0;
        }
        let of = |class: usize| {
            let mut counts = BTreeMap::<&str, usize>::new();
            let of_class = values.iter().zip(&truth.labels).filter(|(_, label)| **label == class);
            of_class.for_each(|(value, _)| *counts.entry(value.as_ref()).or_default() += 1);
            let n: usize = counts.values().sum();
            let most = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
            most.map_or_else(String::new, |(name, most)| format!("{name} in {:.0} %", 100.0 * *most as f64 / n as f64))
        };
        let typical = (0..truth.n_classes()).map(of).collect();
        Ok(Self::new(name, words, Table::new(table, n_columns)?, typical))
    }

    /// Two nuisance variables together.
    ///
    /// # Errors
    /// As [`Table::beside`].
    pub fn together(name: &str, words: &str, one: &Self, other: &Self) -> Result<Self> {
        let audible = one.audible && other.audible;
        Ok(Self { audible, ..Self::new(name, words, one.table.beside(&other.table)?, Vec::new()) })
    }

    /// The same, but not in the audio.
    pub fn silent(self) -> Self {
        Self { audible: false, ..self }
    }

    fn new(name: &str, words: &str, table: Table, typical: Vec<String>) -> Self {
        Self { name: name.to_owned(), words: words.to_owned(), audible: true, table, typical }
    }
}

/// A number with three significant digits.
fn rounded(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).clamp(0, 6) };
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The pattern of a file's name, with digits as `#` and the names of classes as `*`, since a name may well contain the
/// class. `dog/Dog-0012_b.wav` of class dog is `*-#_b`.
pub fn name_pattern(path: &str, classes: &[String]) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut text = stem.to_lowercase();
    // The longest first, so that a class whose name is part of another's does not cut it.
    let mut classes: Vec<String> = classes.iter().map(|class| class.to_lowercase()).collect();
    classes.sort_by_key(|class| std::cmp::Reverse(class.len()));
    for class in classes.iter().filter(|class| !class.is_empty()) {
        text = text.replace(class, "*");
    }
    let mut pattern = String::new();
    for letter in text.chars() {
        let letter = if letter.is_numeric() { '#' } else { letter };
        if !(letter == '#' && pattern.ends_with('#')) {
            pattern.push(letter);
        }
    }
    pattern
}

/// The folder of a file, without parts that are named like a class.
pub fn folder(path: &str, classes: &[String]) -> String {
    let mut parts: Vec<&str> = path.split(['/', '\\']).collect();
    parts.pop();
    parts.retain(|part| !classes.iter().any(|class| class.eq_ignore_ascii_case(part)));
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Truth {
        Truth::new(&["bird", "bird", "dog", "dog"], &["a", "b", "c", "d"]).unwrap()
    }

    #[test]
    fn names_become_columns_and_words() {
        let nuisance = Nuisance::names("codec", "the codec", &["flac", "flac", "mp3", "flac"], &truth()).unwrap();
        assert_eq!(nuisance.table.row(0), [1.0, 0.0, 0.0]);
        assert_eq!(nuisance.table.row(2), [0.0, 1.0, 0.0]);
        assert_eq!(nuisance.typical, ["flac in 100 %", "flac in 50 %"]);
    }

    #[test]
    fn numbers_say_what_is_typical() {
        let values = [44_100.0, 48_000.0, 8000.0, f64::NAN];
        let nuisance = Nuisance::number("rate", "the rate", "Hz", &values, &truth()).unwrap();
        assert_eq!(nuisance.typical, ["46050 Hz", "8000 Hz"]);
        assert_eq!(rounded(-0.012_345), "-0.0123");
        assert_eq!(rounded(2.0), "2");
    }

    #[test]
    fn patterns_leave_out_what_says_the_class() {
        let classes = ["dog".to_owned(), "hot-dog".to_owned()];
        assert_eq!(name_pattern("x/Dog-0012_b.wav", &classes), "*-#_b");
        assert_eq!(name_pattern("hot-dog7.flac", &classes), "*#");
        assert_eq!(folder("set1/dog/yard/a.wav", &classes), "set1/yard");
        assert_eq!(folder("a.wav", &classes), "");
    }
}
