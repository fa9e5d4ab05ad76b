//! The safetensors container: named tensors and one string of metadata, to bytes and, with distrust, back.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::dtype::MelDtype;
use crate::encoded::{BLOCK, Encoded, halves, words};
use crate::error::{Error, Result};

/// The one metadata key. With a second one the order on disk would change from write to write.
const KEY: &str = "shard";
/// Longest header that is written or read: 64 KiB for each of 256 clips.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// The header's length stands in front of it.
const LENGTH_BYTES: usize = 8;
/// The tensors begin at a multiple of this.
const ALIGNMENT: usize = 8;

/// What a tensor is written from.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    F32(&'a [f32]),
    /// Rounded to the nearest half-precision value while it is written.
    F16(&'a [f32]),
    U32(&'a [u32]),
    U8(&'a [u8]),
}

/// A tensor on its way to disk.
pub(crate) struct Tensor<'a> {
    pub(crate) name: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values<'a>,
}

impl<'a> Tensor<'a> {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::F16(_) => Dtype::F16,
            Values::U32(_) => Dtype::U32,
            Values::U8(_) => Dtype::U8,
        }
    }

    fn body(&self) -> Cow<'a, [u8]> {
        match self.values {
            Values::F32(values) => words(values, f32::to_le_bytes),
            Values::F16(values) => halves(values).into(),
            Values::U32(values) => words(values, u32::to_le_bytes),
            Values::U8(values) => values.into(),
        }
    }
}

/// The file. The container orders tensors by dtype, the widest first, then by name, so equal input gives equal bytes.
pub(crate) fn encode<'a>(header_json: String, mut tensors: Vec<Tensor<'a>>, file: &Path) -> Result<Encoded<'a>> {
    let refuse = |error| Error::mismatch(file, "tensors", "a shard that can be written", error);
    tensors.sort_by_key(|tensor| (Reverse(tensor.dtype()), tensor.name));
    let bodies: Vec<_> = tensors.iter().map(Tensor::body).collect();
    let mut end = 0;
    let infos = tensors.into_iter().zip(&bodies).map(|(tensor, body)| {
        let start = end;
        end += body.len();
        (tensor.name.to_owned(), TensorInfo { dtype: tensor.dtype(), shape: tensor.shape, data_offsets: (start, end) })
    });
    let metadata = HashMap::from([(KEY.to_owned(), header_json)]);
    let metadata = Metadata::new(Some(metadata), infos.collect()).map_err(|error| refuse(error.to_string()))?;
    let mut json = serde_json::to_vec(&metadata).map_err(|error| refuse(error.to_string()))?;
    json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
    if json.len() > MAX_HEADER_BYTES {
        return Err(Error::mismatch(file, "header", format!("at most {MAX_HEADER_BYTES} bytes"), json.len()));
    }
    let head = [&(json.len() as u64).to_le_bytes(), &json[..]].concat();
    Ok(Encoded { head, bodies })
}

/// A file whose container holds together: the tensors' extents fill it exactly and agree with their shapes.
pub(crate) struct Container<'a> {
    file: &'a Path,
    metadata: Metadata,
    /// Bytes before the body.
    n_header_bytes: usize,
    body: &'a [u8],
}

impl<'a> Container<'a> {
    /// Nothing is allocated by a length that the file claims before that length is checked against the file.
    pub(crate) fn parse(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        let container = Self::parse_head(bytes, file)?;
        let (expected, got) = (container.metadata.data_len(), container.body.len());
        if expected != got {
            let got = format!("{got} bytes: cut off or added to");
            return Err(Error::mismatch(file, "tensors", format!("{expected} bytes"), got));
        }
        Ok(container)
    }

    /// The header alone, whose tensors may not be there.
    pub(crate) fn parse_head(bytes: &'a [u8], file: &'a Path) -> Result<Self> {
        let end = LENGTH_BYTES + header_length(bytes, file)?;
        let header = &bytes[LENGTH_BYTES..end];
        let metadata = serde_json::from_slice(header).map_err(Error::json(file, "safetensors header"))?;
        Ok(Self { file, metadata, n_header_bytes: end, body: &bytes[end..] })
    }

    /// The JSON text under the one metadata key.
    pub(crate) fn header_json(&self) -> Result<&str> {
        let metadata = self.metadata.metadata().as_ref();
        match metadata.and_then(|keys| keys.get(KEY).filter(|_| keys.len() == 1)) {
            Some(json) => Ok(json),
            None => {
                let n = metadata.map_or(0, HashMap::len);
                let got = format!("{n} keys{}", if n == 0 { "" } else { ", not that one alone" });
                Err(Error::mismatch(self.file, "metadata", "the one key `shard`", got))
            }
        }
    }

    /// Every tensor of `names` and no other.
    pub(crate) fn only(&self, names: &[&str]) -> Result<()> {
        let mut got = self.metadata.offset_keys();
        got.sort_unstable();
        let mut expected = names.to_vec();
        expected.sort_unstable();
        if got == expected {
            return Ok(());
        }
        let got: Vec<_> = got.iter().map(|name| format!("{name:?}")).collect();
        Err(Error::mismatch(self.file, "tensors", expected.join(", "), list(&got)))
    }

    /// Values of an F32 tensor, or where `half_too` of an F16 one, with its shape.
    ///
    /// `dims` names the dimensions for an error; the first has to be `n_clips`.
    pub(crate) fn floats<const D: usize>(
        &self,
        name: &str,
        n_clips: usize,
        dims: [&str; D],
        half_too: bool,
    ) -> Result<([usize; D], Vec<f32>)> {
        let (dtype, shape, bytes) = self.tensor(name, n_clips, dims)?;
        let values = match dtype {
            Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 if half_too => from_halves(bytes),
            _ => return Err(self.dtype_mismatch(name, if half_too { "F32 or F16" } else { "F32" }, dtype)),
        };
        Ok((shape, values))
    }

    /// Values of a U32 tensor of shape `[n_clips]`.
    pub(crate) fn u32s(&self, name: &str, n_clips: usize) -> Result<Vec<u32>> {
        match self.tensor::<1>(name, n_clips, ["N"])? {
            (Dtype::U32, _, bytes) => Ok(bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            (dtype, ..) => Err(self.dtype_mismatch(name, "U32", dtype)),
        }
    }

    /// Values of a U8 tensor of shape `[n_clips]`.
    pub(crate) fn u8s(&self, name: &str, n_clips: usize) -> Result<Vec<u8>> {
        match self.tensor::<1>(name, n_clips, ["N"])? {
            (Dtype::U8, _, bytes) => Ok(bytes.to_vec()),
            (dtype, ..) => Err(self.dtype_mismatch(name, "U8", dtype)),
        }
    }

    /// Rows of `B` bytes: a U8 tensor of shape `[n_clips, B]`.
    pub(crate) fn rows<const B: usize>(&self, name: &str, n_clips: usize) -> Result<Vec<[u8; B]>> {
        match self.tensor::<2>(name, n_clips, ["N", "B"])? {
            (Dtype::U8, [_, width], bytes) if width == B => Ok(bytes.as_chunks::<B>().0.to_vec()),
            (dtype, ..) => Err(self.dtype_mismatch(name, &format!("U8, {B} a row"), dtype)),
        }
    }

    /// The bytes of all tensors.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Bytes before the tensors.
    pub(crate) fn n_header_bytes(&self) -> usize {
        self.n_header_bytes
    }

    /// Where the tensor `mel` begins in the file, in bytes, and how it is stored.
    pub(crate) fn place_of_mel(&self) -> Result<(u64, MelDtype)> {
        let name = "mel";
        let Some(info) = self.metadata.info(name) else {
            return Err(Error::mismatch(self.file, "tensor mel", "to be there", "nothing"));
        };
        let dtype = match info.dtype {
            Dtype::F32 => MelDtype::F32,
            Dtype::F16 => MelDtype::F16,
            other => return Err(self.dtype_mismatch(name, "F32 or F16", other)),
        };
        Ok(((self.n_header_bytes + info.data_offsets.0) as u64, dtype))
    }

    fn tensor<const D: usize>(
        &self,
        name: &str,
        n_clips: usize,
        dims: [&str; D],
    ) -> Result<(Dtype, [usize; D], &'a [u8])> {
        let part = || format!("tensor {name}");
        let Some(info) = self.metadata.info(name) else {
            return Err(Error::mismatch(self.file, part(), "to be there", "nothing"));
        };
        match <[usize; D]>::try_from(info.shape.as_slice()) {
            Ok(shape) if shape[0] == n_clips && shape[1..].iter().all(|n| *n > 0) => {
                // The container's extents were checked when it was parsed.
                Ok((info.dtype, shape, &self.body[info.data_offsets.0..info.data_offsets.1]))
            }
            _ => {
                let mut expected = dims.map(str::to_owned);
                expected[0] = n_clips.to_string();
                Err(Error::mismatch(self.file, part(), list(&expected), list(&info.shape)))
            }
        }
    }

    fn dtype_mismatch(&self, name: &str, expected: &str, got: Dtype) -> Error {
        Error::mismatch(self.file, format!("tensor {name}"), format!("dtype {expected}"), got)
    }
}

/// `[256, 128, 431]`, of a hostile file only the start.
pub(crate) fn list<T: Display>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().take(8).map(T::to_string).collect();
    format!("[{}{}]", shown.join(", "), if items.len() > 8 { ", ..." } else { "" })
}

/// The length that stands in the file's first eight bytes, if the file has that much and it is sane.
fn header_length(bytes: &[u8], file: &Path) -> Result<usize> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(Error::mismatch(file, "file", "a safetensors file", format!("{} bytes", bytes.len())));
    };
    let length = u64::from_le_bytes(*length);
    match usize::try_from(length) {
        Ok(n) if n <= MAX_HEADER_BYTES && n <= rest.len() => Ok(n),
        _ => {
            let most = MAX_HEADER_BYTES.min(rest.len());
            Err(Error::mismatch(file, "header length", format!("at most {most} bytes"), length))
        }
    }
}

fn from_halves(bytes: &[u8]) -> Vec<f32> {
    let mut values = vec![0.0; bytes.len() / 2];
    let mut block = [f16::ZERO; BLOCK];
    for (to, from) in values.chunks_mut(BLOCK).zip(bytes.chunks(2 * BLOCK)) {
        let block = &mut block[..to.len()];
        for (half, from) in block.iter_mut().zip(from.as_chunks().0) {
            *half = f16::from_le_bytes(*from);
        }
        block.convert_to_f32_slice(to);
    }
    values
}
