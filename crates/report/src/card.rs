//! A clip as the page shows it: picture, player and a caption.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::data::Example;
use crate::number::percent;

/// What `card.html` shows; everything but the data URIs is text that the template escapes.
pub(crate) struct Card {
    /// Set in bold.
    pub(crate) headline: String,
    /// Class of the headline: `right`, `wrong` or empty.
    pub(crate) mark: &'static str,
    /// Empty for none.
    pub(crate) note: String,
    /// Which clip.
    pub(crate) place: String,
    /// Data URIs; empty for none.
    pub(crate) png: String,
    pub(crate) wav: String,
}

impl Card {
    /// A clip with what was predicted.
    pub(crate) fn of(example: &Example) -> Self {
        let (mark, note) = match &example.truth {
            Some(truth) if *truth == example.predicted => ("right", String::new()),
            Some(truth) => ("wrong", format!("labeled {truth}")),
            None => ("", String::new()),
        };
        Self {
            headline: format!("{} {}", example.predicted, percent(example.probability)),
            mark,
            note,
            place: place(example),
            png: data_uri("image/png", &example.png),
            wav: data_uri("audio/wav", &example.wav),
        }
    }
}

/// The recording, and which part and channel of it.
fn place(example: &Example) -> String {
    let mut place = example.path.clone();
    if let Some(channel) = example.channel {
        place.push_str(&format!(", channel {channel}"));
    }
    if let Some([start, end]) = example.span_s {
        place.push_str(&format!(", {start:.1} to {end:.1}\u{a0}s"));
    }
    place
}

/// A file as part of the page; empty where there is none.
pub(crate) fn data_uri(kind: &str, bytes: &[u8]) -> String {
    match bytes {
        [] => String::new(),
        bytes => format!("data:{kind};base64,{}", STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_and_two_parts_of_a_file_are_told_apart() {
        let whole = Example { path: "a.wav".into(), predicted: "dog".into(), probability: 0.9, ..Example::default() };
        let part = Example { channel: Some(1), span_s: Some([5.0, 10.0]), truth: Some("bird".into()), ..whole.clone() };
        assert_eq!((Card::of(&whole).place.as_str(), Card::of(&whole).mark), ("a.wav", ""));
        let card = Card::of(&part);
        assert_eq!(card.place, "a.wav, channel 1, 5.0 to 10.0\u{a0}s");
        assert_eq!((card.mark, card.note.as_str()), ("wrong", "labeled bird"));
    }

    #[test]
    fn a_file_that_is_not_there_has_no_uri() {
        assert_eq!(data_uri("audio/wav", b"RIFF"), "data:audio/wav;base64,UklGRg==");
        assert_eq!(data_uri("audio/wav", b""), "");
    }
}
