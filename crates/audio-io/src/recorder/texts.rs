//! The texts that headers hold, before anybody has read them.

/// What was found in a file's header. Of a field that is there twice the first one is kept.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The GUANO chunk, and whether its end is missing.
    pub(super) guano: Option<(Vec<u8>, bool)>,
    /// The comment.
    pub(super) comment: Option<String>,
    /// The artist: with some recorders, the recorder.
    pub(super) artist: Option<String>,
    /// The date, which may have a time.
    pub(super) date: Option<String>,
    /// What could not be read.
    pub(super) notes: Vec<String>,
}

/// A field for a text.
pub(super) type Field = fn(&mut Texts) -> &mut Option<String>;

impl Texts {
    /// Keeps a text up to its first NUL, unless it is empty or the field has one.
    pub(super) fn keep(&mut self, field: Field, bytes: &[u8]) {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text = String::from_utf8_lossy(&bytes[..end]).trim().to_owned();
        let field = field(self);
        if field.is_none() && !text.is_empty() {
            *field = Some(text);
        }
    }
}
