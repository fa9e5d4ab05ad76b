//! Values of arguments: what a text has to be.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use pipeline::Named;
use pipeline::scan::Shares;

/// Most threads that make sense on any machine of today.
const MOST_THREADS: usize = 1024;

/// Longest pause between two looks at a folder, in seconds.
const DAY_S: f64 = 86_400.0;

/// What stderr is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines and a bar for people
    Text,
    /// An object a line, for programs
    Json,
}

/// One of the names of a choice.
pub(super) fn named<T: Named>() -> impl TypedValueParser<Value = T> {
    let value = |(name, value, help): &(&'static str, T, &'static str)| {
        PossibleValue::new(*name).help(*help).aliases(value.old_names().iter().copied())
    };
    let values: Vec<PossibleValue> = T::ALL.iter().map(value).collect();
    PossibleValuesParser::new(values).try_map(|text| {
        let found = T::ALL.iter().find(|(name, value, _)| *name == text || value.old_names().contains(&text.as_str()));
        found.map(|(_, value, _)| *value).ok_or("no such value")
    })
}

/// `key=value` of `--set`.
pub(super) fn parse_set(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text}: expected KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn threads(text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|n| (1..=MOST_THREADS).contains(n));
    parsed.ok_or_else(|| format!("{text}: expected a whole number from 1 to {MOST_THREADS}"))
}

pub(super) fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{text}: expected a whole number above 0"))
}

pub(super) fn folds(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n >= 2).ok_or_else(|| format!("{text}: expected a whole number of at least 2"))
}

pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    parsed.ok_or_else(|| format!("{text}: expected a number above 0"))
}

pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    parsed.ok_or_else(|| format!("{text}: expected a number, 0 or above"))
}

pub(super) fn interval(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|seconds| (0.1..=DAY_S).contains(seconds));
    parsed.ok_or_else(|| format!("{text}: expected a number of seconds from 0.1 to {DAY_S}"))
}

pub(super) fn share(text: &str) -> Result<f32, String> {
    let parsed = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    parsed.ok_or_else(|| format!("{text}: expected a number from 0 to 1"))
}

/// A threshold for all classes, or for one: `0.6`, `dog=0.8`.
pub(super) fn threshold(text: &str) -> Result<(Option<String>, f32), String> {
    match text.rsplit_once('=') {
        Some((class, number)) => Ok((Some(class.to_owned()), share(number)?)),
        None => Ok((None, share(text)?)),
    }
}

pub(super) fn alpha(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|a| *a > 0.0 && *a < 1.0);
    parsed.ok_or_else(|| format!("{text}: expected a number between 0 and 1, such as 0.05"))
}

pub(super) fn part(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parsed
        .filter(|(i, n): &(usize, usize)| *i >= 1 && i <= n)
        .ok_or_else(|| format!("{text}: expected I/N with 1 <= I <= N, such as 2/4"))
}

pub(super) fn shares(text: &str) -> Result<Shares, String> {
    let wrong = || format!("{text}: expected three shares from 0 to 1 that add up to 1, such as 0.7,0.15,0.15");
    let parsed: Vec<f64> =
        text.split(',').map(|s| s.trim().parse::<f64>()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match parsed[..] {
        [train, val, test]
            if [train, val, test].iter().all(|s| (0.0..=1.0).contains(s))
                && (train + val + test - 1.0).abs() < 1e-6 =>
        {
            Ok(Shares { train, val, test })
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_shares_are_checked() {
        assert_eq!(part("2/4"), Ok((2, 4)));
        for wrong in ["0/4", "5/4", "2", "a/b", "1/0"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
        assert_eq!(threads("4"), Ok(4));
        for wrong in ["0", "100000", "-1", "many"] {
            assert!(threads(wrong).is_err(), "{wrong}");
        }
        assert_eq!(threshold("dog=0.8"), Ok((Some("dog".into()), 0.8)));
        assert!(threshold("0.6") == Ok((None, 0.6)) && threshold("dog=2").is_err());
        assert_eq!((above_zero("1e-3"), not_negative("0")), (Ok(1e-3), Ok(0.0)));
        for wrong in ["nan", "inf", "-1", "x", ""] {
            assert!(above_zero(wrong).is_err() && not_negative(wrong).is_err(), "{wrong}");
        }
        assert!(above_zero("0").is_err() && folds("1").is_err());
        assert!(shares("0.7,0.2,0.1").is_ok());
        for wrong in ["0.7,0.2", "0.7,0.7,0.1", "1.2,-0.1,-0.1", "a,b,c"] {
            assert!(shares(wrong).is_err(), "{wrong}");
        }
    }
}
