//! The fields of a row that are carried along, in little memory: a manifest may have a million rows.

use std::fmt;
use std::ops::Index;

/// Texts, one after the other: two blocks of memory, however many there are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields {
    text: Box<str>,
    /// Where each ends, in bytes.
    ends: Box<[u32]>,
}

impl Fields {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The field of a number, from 0.
    pub fn get(&self, nth: usize) -> Option<&str> {
        let end = *self.ends.get(nth)?;
        let start = nth.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|nth| self.get(nth))
    }

    /// Of texts; none where they have more than 4 GiB together.
    pub(crate) fn of<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Option<Self> {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for one in texts {
            text.push_str(one.as_ref());
            ends.push(u32::try_from(text.len()).ok()?);
        }
        Some(Fields { text: text.into(), ends: ends.into() })
    }
}

impl Index<usize> for Fields {
    type Output = str;

    /// # Panics
    /// When there is no such field.
    fn index(&self, nth: usize) -> &str {
        match self.get(nth) {
            Some(field) => field,
            None => panic!("field {nth} of {}", self.len()),
        }
    }
}

impl<S: AsRef<str>> FromIterator<S> for Fields {
    /// # Panics
    /// With more than 4 GiB of text.
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        match Self::of(texts) {
            Some(fields) => fields,
            None => panic!("a row of more than 4 GiB"),
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_were() {
        let texts = ["", "a", "", "čaj, \"x\"\n", ""];
        let fields: Fields = texts.iter().collect();
        assert_eq!(fields.iter().collect::<Vec<_>>(), texts);
        assert_eq!((fields.len(), &fields[3], fields.get(5)), (5, texts[3], None));
        assert!(Fields::default().is_empty() && Fields::default().get(0).is_none());
        assert_eq!(format!("{fields:?}"), format!("{texts:?}"));
    }
}
