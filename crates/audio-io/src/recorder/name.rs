//! Times in file names, as recorders write them.

use super::time::{LocalTime, clock, date, utc_offset};

/// Years that a file name may speak of; other numbers are no dates.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2100;

/// Years of hexadecimal names: recorders that write them are not older.
const HEX_YEARS: std::ops::RangeInclusive<i64> = 2015..=2100;

/// A time in a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The time.
    pub(super) time: LocalTime,
    /// Where it begins, in bytes.
    pub(super) at: usize,
    /// Whether the name says that the clock was synchronized by GPS.
    pub(super) is_gps: bool,
    /// Whether the name says that only what was over a threshold was recorded.
    pub(super) is_triggered: bool,
}

/// The first time in a file name without its extension: `20240229_235959`, `PREFIX_20240229$235959`,
/// `2024-02-29_23-59-59`, `20240229T235959+0200`, or nothing but 8 hexadecimal digits.
pub(super) fn find(stem: &str) -> Option<Found> {
    let mut before = None;
    for (at, c) in stem.char_indices() {
        let starts = c.is_ascii_digit() && !before.is_some_and(|before: char| before.is_ascii_digit());
        if let Some(found) = starts.then(|| begin(&stem[at..])).flatten() {
            return Some(Found { at, ..found });
        }
        before = Some(c);
    }
    hexadecimal(stem).map(|time| Found { time, at: 0, is_gps: false, is_triggered: false })
}

/// The time that a text begins with.
fn begin(text: &str) -> Option<Found> {
    let compact = date(text, "");
    let is_compact = compact.is_some();
    let (day, rest) = compact.or_else(|| date(text, "-"))?;
    let separator = rest.chars().next().filter(|c| "_-T $".contains(*c))?;
    let rest = &rest[1..];
    let separated = || ["-", "_", ":", "."].iter().find_map(|between| clock(rest, between));
    let (hour, rest) = clock(rest, "").or_else(|| if is_compact { None } else { separated() })?;
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let time = LocalTime::new(day, hour).filter(|time| YEARS.contains(&time.date().0))?;
    let time = offset(rest, separator).and_then(|minutes| time.with_offset(minutes)).unwrap_or(time);
    Some(Found { time, at: 0, is_gps: separator == '$', is_triggered: rest == "T" })
}

/// What stands before the time in a name, without what separates them: the prefix of a recorder, which is its site or its number.
pub(super) fn prefix<'a>(stem: &'a str, found: &Found) -> Option<&'a str> {
    let prefix = stem[..found.at].trim_end_matches(['_', '-', ' ', '.']).trim_start();
    prefix.contains(char::is_alphanumeric).then_some(prefix)
}

/// The offset behind a time: `Z`, or four digits where the rest is ISO 8601. Elsewhere `-0001` is a number of its own.
fn offset(rest: &str, separator: char) -> Option<i16> {
    let (minutes, after) = utc_offset(rest)?;
    let is_alone = !after.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_offset = rest.starts_with('Z') || (separator == 'T' && rest.len() - after.len() == 5 && minutes % 15 == 0);
    (is_alone && is_offset).then_some(minutes)
}

/// Seconds since 1970 in hexadecimal, as old AudioMoths name their files. A name of digits alone is rather a number, and
/// one in small letters rather a part of a checksum.
fn hexadecimal(stem: &str) -> Option<LocalTime> {
    let is_hex = stem.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let has_letter = stem.bytes().any(|byte| byte.is_ascii_alphabetic());
    if stem.len() != 8 || !is_hex || !has_letter {
        return None;
    }
    let time = LocalTime::from_unix_s(u32::from_str_radix(stem, 16).ok()?);
    HEX_YEARS.contains(&time.date().0).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(stem: &str) -> String {
        find(stem).map_or("none".into(), |found| found.time.to_string())
    }

    #[test]
    fn names_of_recorders_are_read() {
        let cases = [
            ("20240229_235959", "2024-02-29T23:59:59"),
            ("20240229_235959T", "2024-02-29T23:59:59"),
            ("24F3190361DA4C52_20240229_235959_SYNC", "2024-02-29T23:59:59"),
            ("SITE-A_20240229_235959", "2024-02-29T23:59:59"),
            ("S4A01234_20240229_235959_000", "2024-02-29T23:59:59"),
            ("SITE_20240229$235959", "2024-02-29T23:59:59"),
            ("2024-02-29_23-59-59", "2024-02-29T23:59:59"),
            ("pond 2024-02-29 23.59.59 (2)", "2024-02-29T23:59:59"),
            ("2024-02-29T23-59-59Z", "2024-02-29T23:59:59Z"),
            ("2024-02-29T23_59_59", "2024-02-29T23:59:59"),
            ("20240229T235959", "2024-02-29T23:59:59"),
            ("20240229T235959Z", "2024-02-29T23:59:59Z"),
            ("20240229T235959+1000_REC", "2024-02-29T23:59:59+10:00"),
            ("20240229T235959-0330", "2024-02-29T23:59:59-03:30"),
            ("20240229_235959-0001", "2024-02-29T23:59:59"),
            ("20240229T235959-0001", "2024-02-29T23:59:59"),
            ("Zürich_20240229_235959_ä", "2024-02-29T23:59:59"),
            ("20230101_20240229_235959", "2024-02-29T23:59:59"),
            ("5BA1B2C3", "2018-09-19T02:21:55Z"),
        ];
        for (stem, expected) in cases {
            assert_eq!(time(stem), expected, "{stem}");
        }
        assert!(find("SITE_20240229$235959").unwrap().is_gps);
        assert!(find("20240229_235959T").unwrap().is_triggered);
        let prefix = |stem: &str| find(stem).and_then(|found| prefix(stem, &found).map(str::to_owned));
        assert_eq!(prefix("SITE-A_20240229_235959").as_deref(), Some("SITE-A"));
        assert_eq!(prefix("pond 2024-02-29 23.59.59 (2)").as_deref(), Some("pond"));
        assert_eq!((prefix("20240229_235959"), prefix("_20240229_235959"), prefix("5BA1B2C3")), (None, None, None));
        let plain = find("SITE_20240229_235959").unwrap();
        assert!(!plain.is_gps && !plain.is_triggered);
    }

    #[test]
    fn numbers_that_look_like_dates_are_none() {
        for stem in [
            "",
            "dog",
            "20241301_000000",
            "20240229_250000",
            "20230229_120000",
            "20240229_236000",
            "20240229_2359599",
            "120240229_235959",
            "20240229",
            "20240229_2359",
            "2024-02-29",
            "20240229_23_59_59",
            "99991231_235959",
            "00000000_000000",
            "2024-02-29_23-59_59",
            "235959T",
            "12345678",
            "60012345",
            "5ba1b2c3",
            "20240229.235959",
            "00A1B2C3",
            "FFFFFFFF",
            "5BA1B2C3D",
            "5BA1B2C",
            "5BA1B2CG",
            "ÄÄÄÄ",
            "2024022９_235959",
        ] {
            assert_eq!(time(stem), "none", "{stem}");
        }
    }
}
