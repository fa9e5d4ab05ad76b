//! A clip as the page shows it: picture, player and a caption.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::number::percent;
use crate::run::Example;

/// What `card.html` shows; everything but the data URIs is text that the template escapes.
#[derive(Default)]
pub(crate) struct Card {
    /// Distinct on the page; empty for none.
    pub(crate) id: String,
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
    pub(crate) sound: String,
    /// What the model looked at: how that was computed, and a picture.
    pub(crate) looked_at: Vec<(String, String)>,
}

impl Card {
    /// A clip with what was predicted.
    pub(crate) fn of(example: &Example, id: String) -> Self {
        let (mark, labeled) = match &example.truth {
            Some(truth) if *truth == example.predicted => ("right", String::new()),
            Some(truth) if example.predicted.is_empty() => ("", format!("labeled {truth}")),
            Some(truth) => ("wrong", format!("labeled {truth}")),
            None => ("", String::new()),
        };
        let notes = [labeled, example.note.clone()];
        let headline = match example.predicted.is_empty() {
            true => String::new(),
            false => format!("{} {}", example.predicted, percent(example.probability)),
        };
        let looked_at = |of: &crate::run::LookedAt| (of.method.clone(), data_uri("image/png", &of.png));
        Self {
            id,
            headline,
            mark,
            note: notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; "),
            place: example.clip.text(),
            png: data_uri("image/png", &example.png),
            sound: sound_uri(&example.sound),
            looked_at: example.looked_at.iter().map(looked_at).collect(),
        }
    }
}

/// A file as part of the page; empty where there is none.
pub(crate) fn data_uri(kind: &str, bytes: &[u8]) -> String {
    match bytes {
        [] => String::new(),
        bytes => format!("data:{kind};base64,{}", STANDARD.encode(bytes)),
    }
}

/// A sound file as part of the page; empty where there is none.
pub(crate) fn sound_uri(bytes: &[u8]) -> String {
    data_uri(if bytes.starts_with(b"RIFF") { "audio/wav" } else { "audio/ogg" }, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_and_what_is_wrong_is_marked() {
        let right =
            Example { predicted: "dog".into(), probability: 0.9, truth: Some("dog".into()), ..Example::default() };
        let wrong = Example { truth: Some("bird".into()), note: "p-value 0.3".into(), ..right.clone() };
        let card = Card::of(&right, String::new());
        assert_eq!((card.headline.as_str(), card.mark), ("dog 90\u{a0}%", "right"));
        let card = Card::of(&wrong, String::new());
        assert_eq!((card.mark, card.note.as_str()), ("wrong", "labeled bird; p-value 0.3"));
    }

    #[test]
    fn a_file_that_is_not_there_has_no_uri() {
        assert_eq!(sound_uri(b"RIFF"), "data:audio/wav;base64,UklGRg==");
        assert_eq!(sound_uri(b"OggS"), "data:audio/ogg;base64,T2dnUw==");
        assert_eq!(data_uri("image/png", b""), "");
    }
}
