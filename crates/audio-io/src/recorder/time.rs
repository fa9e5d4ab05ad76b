//! Times as a recorder's clock shows them, with the offset from UTC where it is known.

use std::fmt;

const DAY_MS: i64 = 86_400_000;

/// Time zones are at most 14 hours from UTC.
const MAX_OFFSET_MIN: u16 = 14 * 60;

/// A date and time of the local clock, in milliseconds, with the clock's offset from UTC where it is known.
///
/// The calendar is the Gregorian one, without leap seconds. [`fmt::Display`] writes ISO 8601: `2024-02-29T23:59:59+02:00`,
/// with milliseconds where they are not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    local_ms: i64,
    utc_offset_min: Option<i16>,
}

impl LocalTime {
    /// The time of (year, month, day) and (hour, minute, second), without an offset; `None` where there is no such time.
    /// Years have at most four digits.
    pub fn new((year, month, day): (u32, u32, u32), (hour, minute, second): (u32, u32, u32)) -> Option<Self> {
        let is_date = year <= 9999 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = i64::from(hour * 3600 + minute * 60 + second);
        let local_ms = days_from_civil(year.into(), month.into(), day.into()) * DAY_MS + seconds * 1000;
        Some(LocalTime { local_ms, utc_offset_min: None })
    }

    /// The time in UTC of a number of seconds since 1970.
    pub fn from_unix_s(seconds: u32) -> Self {
        LocalTime { local_ms: i64::from(seconds) * 1000, utc_offset_min: Some(0) }
    }

    /// Reads ISO 8601: `2024-02-29T23:59:59.5+02:00`, with a space for the `T`, without seconds, without any separators or
    /// without an offset, too. Digits of the fraction behind milliseconds are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = date(text.trim(), "-").or_else(|| date(text.trim(), ""))?;
        let rest = rest.strip_prefix(['T', 't', ' '])?.trim_start();
        let (clock, rest) = clock(rest, ":").or_else(|| clock(rest, "")).or_else(|| {
            let (hour, rest) = digits(rest, 2)?;
            let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
            Some(((hour, minute, 0), rest))
        })?;
        let (ms, rest) = fraction_ms(rest);
        let time = LocalTime::new(date, clock)?.plus_ms(ms.into());
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Some(time);
        }
        let (minutes, rest) = utc_offset(rest)?;
        if rest.is_empty() { time.with_offset(minutes) } else { None }
    }

    /// The same reading of the clock with an offset from UTC, in minutes; `None` for more than 14 hours.
    pub fn with_offset(self, utc_offset_min: i16) -> Option<Self> {
        (utc_offset_min.unsigned_abs() <= MAX_OFFSET_MIN)
            .then_some(LocalTime { utc_offset_min: Some(utc_offset_min), ..self })
    }

    /// The time so many milliseconds later.
    pub fn plus_ms(self, ms: u64) -> Self {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        LocalTime { local_ms: self.local_ms.saturating_add(ms), ..self }
    }

    /// The time so many milliseconds earlier.
    pub fn earlier_by_ms(self, ms: i64) -> Self {
        LocalTime { local_ms: self.local_ms.saturating_sub(ms), ..self }
    }

    /// Milliseconds from the beginning of 1970 on the local clock.
    pub fn local_ms(self) -> i64 {
        self.local_ms
    }

    /// How far the local clock is ahead of UTC, in minutes.
    pub fn utc_offset_min(self) -> Option<i16> {
        self.utc_offset_min
    }

    /// Milliseconds from the beginning of 1970 in UTC, where the offset is known.
    pub fn unix_ms(self) -> Option<i64> {
        self.utc_offset_min.map(|minutes| self.local_ms.saturating_sub(i64::from(minutes) * 60_000))
    }

    /// Year, month (from 1) and day (from 1) on the local clock.
    pub fn date(self) -> (i64, i64, i64) {
        civil_from_days(self.local_ms.div_euclid(DAY_MS))
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let ms = self.local_ms.rem_euclid(DAY_MS);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ms % 1000 != 0 {
            write!(f, ".{:03}", ms % 1000)?;
        }
        match self.utc_offset_min {
            None => Ok(()),
            Some(0) => write!(f, "Z"),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        }
    }
}

/// A number of exactly `n` digits (which more digits may follow), and what is behind it.
pub(super) fn digits(text: &str, n: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(n)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, rest))
}

/// Year, month and day with a separator between them, and what is behind them. Whether there is such a day is not asked.
pub(super) fn date<'a>(text: &'a str, separator: &str) -> Option<((u32, u32, u32), &'a str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix(separator)?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(separator)?, 2)?;
    Some(((year, month, day), rest))
}

/// Hour, minute and second with a separator between them, and what is behind them.
pub(super) fn clock<'a>(text: &'a str, separator: &str) -> Option<((u32, u32, u32), &'a str)> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(separator)?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(separator)?, 2)?;
    Some(((hour, minute, second), rest))
}

/// The milliseconds of a fraction such as `.25`, and what is behind it; 0 where there is none.
pub(super) fn fraction_ms(text: &str) -> (u32, &str) {
    let Some(fraction) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let n_digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = fraction.split_at(n_digits);
    let ms = fraction.bytes().chain([b'0'; 3]).take(3).fold(0, |ms, digit| ms * 10 + u32::from(digit - b'0'));
    (ms, rest)
}

/// Minutes of an offset from UTC, `Z`, `+02:00`, `+0200` or `+02`, and what is behind it.
pub(super) fn utc_offset(text: &str) -> Option<(i16, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':').unwrap_or(rest), 2).unwrap_or((0, rest));
    let minutes = i16::try_from(hours * 60 + minutes).ok().filter(|_| minutes < 60)?;
    Some((sign * minutes, rest))
}

fn days_in(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970. Years are counted from March here, so that a leap day is the last of its year; 400
/// years have 146,097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        LocalTime::parse(text).map_or("none".into(), |time| time.to_string())
    }

    #[test]
    fn days_are_counted_over_400_years_and_back() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        let mut days = days_from_civil(1899, 12, 31);
        for year in 1900..2301u32 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    days += 1;
                    let date = (i64::from(year), i64::from(month), i64::from(day));
                    assert_eq!(days_from_civil(date.0, date.1, date.2), days);
                    assert_eq!(civil_from_days(days), date);
                }
            }
        }
    }

    #[test]
    fn iso_8601_is_read_and_written() {
        assert_eq!(again("2012-03-29T03:58:01+04:00"), "2012-03-29T03:58:01+04:00");
        assert_eq!(again(" 2026-01-15 08:12:02-0330 "), "2026-01-15T08:12:02-03:30");
        assert_eq!(again("20260115T081202Z"), "2026-01-15T08:12:02Z");
        assert_eq!(again("2015-12-31T23:59:59.1234567"), "2015-12-31T23:59:59.123");
        assert_eq!(again("2015-12-31T23:59:59.000"), "2015-12-31T23:59:59");
        assert_eq!(again("2015-12-31T23:59:59,5+10"), "2015-12-31T23:59:59.500+10:00");
        assert_eq!(again("2015-12-31T23:59"), "2015-12-31T23:59:00");
        assert_eq!(again("2024-02-29T00:00:00"), "2024-02-29T00:00:00");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2024-02-30T00:00:00",
            "2023-02-29T00:00:00",
            "1900-02-29T00:00:00",
            "2024-13-01T00:00:00",
            "2024-00-01T00:00:00",
            "2024-01-00T00:00:00",
            "2024-01-01T24:00:00",
            "2024-01-01T23:60:00",
            "2024-01-01T23:59:60",
            "2024-01-01",
            "2024-01-01T",
            "2024-01-01T10:00:00 and more",
            "2024-01-01T10:00:00+",
            "2024-01-01T10:00:00+15:00",
            "2024-01-01T10:00:00+01:60",
            "2024-01-01T10:00:00Zulu",
            "2024-1-1T10:00:00",
            "+024-01-01T10:00:00",
            "２０２４-01-01T10:00:00",
        ] {
            assert_eq!(LocalTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_lead_to_utc() {
        let time = LocalTime::parse("1970-01-01T02:00:00+02:00").unwrap();
        assert_eq!((time.unix_ms(), time.local_ms(), time.utc_offset_min()), (Some(0), 7_200_000, Some(120)));
        assert_eq!(LocalTime::parse("1970-01-01T02:00:00").unwrap().unix_ms(), None);
        assert_eq!(LocalTime::from_unix_s(1_709_251_199).to_string(), "2024-02-29T23:59:59Z");
    }

    #[test]
    fn later_times_cross_midnight_months_and_leap_days() {
        let later = |text: &str, ms| LocalTime::parse(text).unwrap().plus_ms(ms).to_string();
        assert_eq!(later("2023-12-31T23:59:59.5", 500), "2024-01-01T00:00:00");
        assert_eq!(later("2024-02-28T12:00:00+02:00", 86_400_001), "2024-02-29T12:00:00.001+02:00");
        assert_eq!(later("2023-02-28T12:00:00Z", 86_400_000), "2023-03-01T12:00:00Z");
        assert!(later("2024-01-01T00:00:00Z", u64::MAX).starts_with("292"), "as far as milliseconds reach");
    }
}
