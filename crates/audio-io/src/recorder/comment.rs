//! The comment that an AudioMoth writes into the header of a WAV file.
//!
//! `Recorded at 23:59:59 29/02/2024 (UTC+2) by AudioMoth 24F3190361DA4C52 at medium gain …`; with a deployment,
//! `during deployment <16 hexadecimal digits>` is in place of, or beside, the recorder. The oldest firmware writes no `(UTC)`.

use super::time::{LocalTime, clock, digits, fraction_ms};

/// Digits of an identifier of a recorder or a deployment.
const ID_DIGITS: usize = 16;

/// When the recording starts.
pub(super) fn start(comment: &str) -> Option<LocalTime> {
    let (_, rest) = comment.split_once("Recorded at ")?;
    let (time, rest) = clock(rest, ":")?;
    let (ms, rest) = fraction_ms(rest);
    let (day, rest) = digits(rest.strip_prefix(' ')?, 2)?;
    let (month, rest) = digits(rest.strip_prefix('/')?, 2)?;
    let (year, rest) = digits(rest.strip_prefix('/')?, 4)?;
    let start = LocalTime::new((year, month, day), time)?.plus_ms(ms.into());
    let offset = rest.strip_prefix(" (UTC").and_then(|rest| rest.split_once(')')).and_then(|(zone, _)| zone_min(zone));
    Some(offset.and_then(|minutes| start.with_offset(minutes)).unwrap_or(start))
}

/// The AudioMoth that is named in a comment or as the artist.
pub(super) fn audiomoth(text: &str) -> Option<&str> {
    id_behind(text, "AudioMoth ")
}

/// The deployment that a comment names.
pub(super) fn deployment(comment: &str) -> Option<&str> {
    id_behind(comment, "during deployment ")
}

/// Minutes of an offset such as ``, `+2`, `-10` or `+5:30`. The sign is that of the hours and the minutes.
fn zone_min(zone: &str) -> Option<i16> {
    if zone.is_empty() {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':').unwrap_or((&zone[1..], "0"));
    let number = |text: &str| text.parse::<u8>().ok().map(i16::from);
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    Some(sign * (number(hours)? * 60 + minutes))
}

fn id_behind<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(words)?;
    let n_digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    (n_digits == ID_DIGITS).then(|| &rest[..n_digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(comment: &str) -> String {
        start(comment).map_or("none".into(), |time| time.to_string())
    }

    #[test]
    fn comments_of_every_firmware_are_read() {
        let new = "Recorded at 23:59:59 29/02/2024 (UTC+2) by AudioMoth 24F3190361DA4C52 at medium gain while battery was \
                   4.2V and temperature was 21.5C.";
        assert_eq!((time(new).as_str(), audiomoth(new)), ("2024-02-29T23:59:59+02:00", Some("24F3190361DA4C52")));
        assert_eq!(deployment(new), None);
        let deployed = "Recorded at 23:59:59 29/02/2024 (UTC) during deployment 0123456789ABCDEF at low gain";
        assert_eq!((time(deployed).as_str(), deployment(deployed)), ("2024-02-29T23:59:59Z", Some("0123456789ABCDEF")));
        assert_eq!(audiomoth(deployed), None);
        assert_eq!(time("Recorded at 23:59:59 29/02/2024 by AudioMoth 24F3190361DA4C52"), "2024-02-29T23:59:59");
        assert_eq!(time("Recorded at 23:59:59.250 29/02/2024 (UTC-10) by"), "2024-02-29T23:59:59.250-10:00");
        assert_eq!(time("Recorded at 23:59:59 29/02/2024 (UTC-0:30) by"), "2024-02-29T23:59:59-00:30");
        assert_eq!(time("Recorded at 23:59:59 29/02/2024 (UTC+5:45) by"), "2024-02-29T23:59:59+05:45");
    }

    #[test]
    fn other_comments_are_none() {
        for comment in [
            "",
            "Recorded at ",
            "Recorded at noon",
            "Recorded at 23:59:59",
            "Recorded at 23:59:59 30/02/2024 (UTC)",
            "Recorded at 25:59:59 29/02/2024 (UTC)",
            "Recorded at 23:59:59 29-02-2024",
        ] {
            assert_eq!(time(comment), "none", "{comment}");
        }
        assert_eq!(time("Recorded at 23:59:59 29/02/2024 (UTC+99)"), "2024-02-29T23:59:59", "no such zone");
        assert_eq!(time("Recorded at 23:59:59 29/02/2024 (UTC+é"), "2024-02-29T23:59:59");
        assert_eq!(audiomoth("AudioMoth 24F3"), None);
        assert_eq!(audiomoth("AudioMoth 24F3190361DA4C5200"), None);
    }
}
