//! A parser of outside bytes, and what is expected of it.

use crate::random::hash;

/// One parser.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, that of its folder in `fixtures/fuzz` too.
    pub name: &'static str,
    /// What is read, and by which functions.
    pub reads: &'static str,
    /// Valid inputs, which the project's own writers make.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format.
    pub words: &'static [&'static [u8]],
    /// Puts checksums and lengths right, so that what is behind them is reached.
    pub repair: fn(&mut Vec<u8>),
    /// Parses an input as a user's command would.
    pub run: fn(&[u8]) -> Outcome,
    /// The memory that it may take.
    pub memory: Memory,
}

/// A bound on memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Bytes for each byte of the input.
    pub per_byte: usize,
    /// Bytes whatever the input.
    pub free: usize,
}

impl Memory {
    /// Bytes for an input of a length.
    #[must_use]
    pub fn bound(&self, n_bytes: usize) -> usize {
        self.free + self.per_byte * n_bytes
    }
}

/// What became of an input: inputs with another outcome are worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Equal for inputs that took the same way, as far as can be seen.
    pub signature: u64,
    /// Whether it was read.
    pub is_read: bool,
}

impl Outcome {
    /// Of a result: what was read, in a few words, or the message of the error.
    #[must_use]
    pub fn of<E: std::error::Error>(result: Result<String, E>) -> Self {
        match result {
            Ok(words) => Self { signature: hash(words.as_bytes()), is_read: true },
            Err(error) => {
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(source) = cause {
                    text = format!("{text}: {source}");
                    cause = source.source();
                }
                Self { signature: hash(shape(&text).as_bytes()), is_read: false }
            }
        }
    }

    /// Of several readers of the same bytes.
    #[must_use]
    pub fn all<const N: usize>(of: [Self; N]) -> Self {
        let signatures: Vec<u8> = of.iter().flat_map(|one| one.signature.to_le_bytes()).collect();
        Self { signature: hash(&signatures), is_read: of.iter().any(|one| one.is_read) }
    }
}

/// Words of a message at most.
const MOST_WORDS: usize = 24;

/// The words of a message, without numbers and what is quoted.
fn shape(message: &str) -> String {
    let is_word = |word: &&str| {
        word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b',' || byte == b':')
    };
    let words = message.split_whitespace().filter(is_word).take(MOST_WORDS);
    words.collect::<Vec<_>>().join(" ")
}

/// How large a number is, roughly: outcomes of about the same size are the same.
#[must_use]
pub(crate) fn about(n: usize) -> u32 {
    usize::BITS - n.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_differ_by_words_and_not_by_numbers() {
        let of = |text: &str| Outcome::of::<std::io::Error>(Err(std::io::Error::other(text.to_owned())));
        assert_eq!(of("byte 17 of \"ab\""), of("byte 3 of \"cd\""));
        assert_ne!(of("byte 17"), of("sample 17"));
        assert_ne!(of("a"), Outcome::of::<std::io::Error>(Ok("a".into())));
        assert_eq!((about(0), about(1), about(1000), about(1023)), (0, 1, 10, 10));
    }
}
