//! Topics.

use super::options::MqttOptions;
use crate::error::{Error, Result};

/// The topics of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics {
    /// `PREFIX/NAME`.
    base: String,
    /// What the place is called.
    pub(super) name: String,
    /// The name, in letters, digits and `_` alone.
    pub(super) id: String,
    /// The discovery prefix of Home Assistant.
    pub(super) discovery: Option<String>,
}

/// A text in letters, digits and `_` alone, as Home Assistant has its ids. Others become numbers, so that no two texts become one.
pub(super) fn id(text: &str) -> String {
    let mut id = String::new();
    for character in text.chars() {
        match character {
            c if c.is_ascii_alphanumeric() => id.push(c.to_ascii_lowercase()),
            ' ' | '-' | '_' => id.push('_'),
            c => id.push_str(&format!("_{:x}_", u32::from(c))),
        }
    }
    id
}

/// A text as one part of a topic.
fn part(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || "/+#".contains(c) { '_' } else { c }).collect()
}

impl Topics {
    pub(super) fn new(options: &MqttOptions, name: &str) -> Result<Self> {
        let prefixes = [Some(&options.prefix), options.discovery.as_ref()];
        for prefix in prefixes.into_iter().flatten() {
            let is_topic = !prefix.is_empty() && !prefix.contains(['+', '#', '\0']);
            if !is_topic || prefix.starts_with(['$', '/']) || prefix.ends_with('/') {
                return Err(Error::Invalid(format!(
                    "{prefix}: expected the beginning of a topic, such as home/garden"
                )));
            }
        }
        if name.trim().is_empty() {
            return Err(Error::Invalid("the name of the place: expected a text, got none".into()));
        }
        let base = format!("{}/{}", options.prefix, part(name));
        Ok(Self { base, name: name.to_owned(), id: id(name), discovery: options.discovery.clone() })
    }

    pub(super) fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    pub(super) fn detection(&self) -> String {
        format!("{}/detection", self.base)
    }

    pub(super) fn class(&self, class: &str) -> String {
        format!("{}/class/{}", self.base, part(class))
    }

    /// Where Home Assistant says that it was started.
    pub(super) fn births(&self) -> Option<String> {
        self.discovery.as_ref().map(|prefix| format!("{prefix}/status"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_no_wildcards_and_ids_no_accents() {
        let options = MqttOptions::new("mqtt://nas".parse().unwrap());
        let topics = Topics::new(&options, "Garten/Süd #1").unwrap();
        assert_eq!(topics.detection(), "barkbird/Garten_Süd _1/detection");
        assert_eq!(topics.class("a+b"), "barkbird/Garten_Süd _1/class/a_b");
        assert_eq!(topics.id, "garten_2f_s_fc_d__23_1");
        assert_eq!(topics.births().as_deref(), Some("homeassistant/status"));
        for prefix in ["", "a/#", "/a", "a/", "$SYS"] {
            let options = MqttOptions { prefix: prefix.into(), ..options.clone() };
            assert!(Topics::new(&options, "garden").is_err(), "{prefix}");
        }
        assert!(Topics::new(&options, " ").is_err());
    }
}
