//! The parts of both schemas: the header and the tensors `frames`, `label` and `split`, with their checks.

use std::path::Path;

use crate::container::{Container, Tensor, Values, encode, list};
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::header::{self, CLIPS_PER_SHARD, Header, NO_LABEL};

/// Names of the tensors that every schema has.
pub(crate) const COLUMNS: [&str; 3] = ["frames", "label", "split"];

/// A borrowed view of the parts that both schemas share.
pub(crate) struct Columns<'a> {
    pub(crate) header: &'a Header,
    pub(crate) frames: &'a [u32],
    pub(crate) label: &'a [u32],
    pub(crate) split: &'a [u8],
}

/// The same parts, read from a file.
pub(crate) struct OwnedColumns {
    pub(crate) header: Header,
    pub(crate) frames: Vec<u32>,
    pub(crate) label: Vec<u32>,
    pub(crate) split: Vec<u8>,
}

impl<'a> Columns<'a> {
    /// Header sane and of `schema`, one value a clip in each column, labels and splits in range.
    pub(crate) fn check(&self, schema: &str, file: &Path) -> Result<()> {
        if self.header.schema != schema {
            return Err(Error::mismatch(file, "schema", schema, format!("{:?}", self.header.schema)));
        }
        header::check(self.header, file)?;
        let n = self.header.clips.len();
        let lengths = [self.frames.len(), self.label.len(), self.split.len()];
        for (name, got) in COLUMNS.into_iter().zip(lengths) {
            check_shape(name, &[n], &[got], file)?;
        }
        for (row, (label, split)) in self.label.iter().zip(self.split).enumerate() {
            check_label(*label, self.header.classes.len(), file, || at("label", row))?;
            check_split(*split, self.header.splits.len(), file, || at("split", row))?;
        }
        Ok(())
    }

    /// The file, with `features` in front of the shared columns. Everything was checked before.
    pub(crate) fn encode(&self, mut tensors: Vec<Tensor<'a>>, file: &Path) -> Result<Encoded<'a>> {
        let n = self.header.clips.len();
        check_count(n, file)?;
        let header = serde_json::to_string(self.header).map_err(Error::json(file, "header"))?;
        let values = [Values::U32(self.frames), Values::U32(self.label), Values::U8(self.split)];
        tensors.extend(COLUMNS.into_iter().zip(values).map(|(name, values)| Tensor { name, shape: vec![n], values }));
        encode(header, tensors, file)
    }
}

impl OwnedColumns {
    /// Header and columns of a parsed file; `features` are the names of its other tensors.
    ///
    /// Schema, names, dtypes and shapes are checked here, values once everything is read.
    pub(crate) fn read(container: &Container<'_>, schema: &str, features: &[&str], file: &Path) -> Result<Self> {
        let header: Header = parse_header(container.header_json()?, schema, file)?;
        check_count(header.clips.len(), file)?;
        container.only(&[features, &COLUMNS].concat())?;
        let n = header.clips.len();
        let [frames, label] = ["frames", "label"].map(|name| container.u32s(name, n));
        Ok(Self { header, frames: frames?, label: label?, split: container.u8s("split", n)? })
    }
}

/// The schema is checked first: another one has other fields, and the error should name the schema, not a field.
pub(crate) fn parse_header(json: &str, schema: &str, file: &Path) -> Result<Header> {
    #[derive(serde::Deserialize)]
    struct Peek {
        schema: String,
    }
    let peek: Peek = serde_json::from_str(json).map_err(Error::json(file, "header"))?;
    if peek.schema != schema {
        return Err(Error::mismatch(file, "schema", schema, format!("{:?}", peek.schema)));
    }
    serde_json::from_str(json).map_err(Error::json(file, "header"))
}

/// A shard holds 1 to 256 clips.
fn check_count(n: usize, file: &Path) -> Result<()> {
    if (1..=CLIPS_PER_SHARD).contains(&n) {
        return Ok(());
    }
    Err(Error::mismatch(file, "clips", format!("1 to {CLIPS_PER_SHARD} a shard"), n))
}

/// `label` is an index into the classes, or none.
pub(crate) fn check_label(label: u32, n_classes: usize, file: &Path, part: impl Fn() -> String) -> Result<()> {
    if label == NO_LABEL || usize::try_from(label).is_ok_and(|label| label < n_classes) {
        return Ok(());
    }
    Err(Error::mismatch(
        file,
        part(),
        format!("below {n_classes} (the number of classes), or {NO_LABEL} for none"),
        label,
    ))
}

/// `split` is an index into the splits.
pub(crate) fn check_split(split: u8, n_splits: usize, file: &Path, part: impl Fn() -> String) -> Result<()> {
    if usize::from(split) < n_splits {
        return Ok(());
    }
    Err(Error::mismatch(file, part(), format!("below {n_splits} (the number of splits)"), split))
}

/// A clip has at most as many frames of sound as frames.
pub(crate) fn check_frames(frames: u32, n_frames: usize, file: &Path, part: impl Fn() -> String) -> Result<()> {
    if usize::try_from(frames).is_ok_and(|frames| frames <= n_frames) {
        return Ok(());
    }
    Err(Error::mismatch(file, part(), format!("at most {n_frames}"), frames))
}

/// A shape against the expected one.
pub(crate) fn check_shape(name: &str, expected: &[usize], got: &[usize], file: &Path) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::mismatch(file, format!("tensor {name}"), list(expected), list(got)))
}

/// Data in memory against its shape, without NaN or infinity.
///
/// `most` is the largest magnitude of the type on disk.
pub(crate) fn check_floats(name: &str, shape: &[usize], values: &[f32], most: f32, file: &Path) -> Result<()> {
    let n = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    if n != Some(values.len()) || shape[1..].contains(&0) {
        let expected = format!("values of shape {}", list(shape));
        return Err(Error::mismatch(file, format!("tensor {name}"), expected, format!("{} values", values.len())));
    }
    match first_beyond(values, most) {
        None => Ok(()),
        Some(index) => {
            let row = shape[1..].iter().product::<usize>().max(1);
            let part = format!("{}, value {}", at(name, index / row), index % row);
            let expected = if most == f32::MAX { "a finite value".into() } else { format!("at most {most} (F16)") };
            Err(Error::mismatch(file, part, expected, values[index]))
        }
    }
}

/// Index of the first value that is NaN or whose magnitude exceeds `most`.
///
/// A whole block is checked without a branch, which the compiler vectorizes.
pub(crate) fn first_beyond(values: &[f32], most: f32) -> Option<usize> {
    const BLOCK: usize = 4096;
    let within = |x: f32| x.abs() <= most;
    let block = values.chunks(BLOCK).position(|block| !block.iter().fold(true, |all, x| all & within(*x)))?;
    let start = block * BLOCK;
    values[start..].iter().position(|x| !within(*x)).map(|i| start + i)
}

/// `tensor label, clip 3`.
fn at(name: &str, row: usize) -> String {
    format!("tensor {name}, clip {row}")
}
