//! The pages of a Parquet file, looked at before they are decompressed: the decoder makes room for whatever length a page's header
//! claims.
//!
//! A header is a struct in Thrift's compact protocol, whose second field is the uncompressed size and whose third is the
//! compressed one; the page follows it. A column's pages follow each other.

use parquet::file::metadata::ParquetMetaData;

/// How many bytes one byte of Snappy becomes, at most: a copy of 64 bytes takes three.
const MOST_RATIO: u64 = 32;

/// Bytes that a page may have whatever its compressed size.
const FREE_BYTES: u64 = 1 << 12;

/// Structs within structs at most; a header has three.
const MOST_DEPTH: usize = 8;

/// Refuses a file one of whose pages claims more than its bytes can become. Offsets that make no sense are the decoder's to refuse.
pub(super) fn check_pages(bytes: &[u8], metadata: &ParquetMetaData) -> Result<(), String> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(column.compressed_size())) else {
            continue;
        };
        let end = start.saturating_add(length).min(bytes.len());
        let mut rest = bytes.get(start..end).unwrap_or_default();
        while !rest.is_empty() {
            let at = end - rest.len();
            let Some(Sizes { plain, stored, page }) = sizes(rest) else {
                return Err(format!("page at byte {at}: its header cannot be read"));
            };
            let most = stored.saturating_mul(MOST_RATIO).saturating_add(FREE_BYTES);
            let after = usize::try_from(stored).ok().and_then(|stored| page.get(stored..));
            let Some(after) = after.filter(|_| plain <= most) else {
                return Err(format!("page at byte {at}: {stored} bytes cannot become {plain}, or are not there"));
            };
            rest = after;
        }
    }
    Ok(())
}

/// What a header says.
struct Sizes<'a> {
    plain: u64,
    stored: u64,
    /// The bytes behind the header.
    page: &'a [u8],
}

fn sizes(bytes: &[u8]) -> Option<Sizes<'_>> {
    let mut reader = Reader { rest: bytes };
    let mut found = [None; 4];
    reader.fields(0, &mut |id, value| {
        if let Some(place) = found.get_mut(id) {
            *place = value;
        }
    })?;
    // Numbers are zigzag-encoded, and sizes are not negative.
    let size = |value: Option<u64>| value.filter(|n| n & 1 == 0).map(|n| n >> 1);
    Some(Sizes { plain: size(found[2])?, stored: size(found[3])?, page: reader.rest })
}

/// Reads Thrift's compact protocol.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, n: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(n).ok()?..)?;
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads a struct and gives each field with its number where it is an integer.
    fn fields(&mut self, depth: usize, found: &mut dyn FnMut(usize, Option<u64>)) -> Option<()> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => usize::try_from(self.number()? >> 1).ok()?,
                step => id + usize::from(step),
            };
            match head & 15 {
                1 | 2 => found(id, None),
                4..=6 => found(id, Some(self.number()?)),
                kind => self.value(kind, depth)?,
            }
        }
    }

    /// Steps over a value.
    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let n = self.number()?;
                self.skip(n)
            }
            9 | 10 if depth < MOST_DEPTH => {
                let head = self.byte()?;
                let n = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
                (0..n).try_for_each(|_| self.value(head & 15, depth + 1))
            }
            12 if depth < MOST_DEPTH => self.fields(depth + 1, &mut |_, _| {}),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use parquet::basic::Compression;
    use parquet::data_type::Int64Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    #[test]
    fn a_page_that_claims_more_than_its_bytes_can_become_is_refused() {
        let schema = Arc::new(parse_message_type("message m { required int64 start_ms; }").unwrap());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_dictionary_enabled(false);
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&vec![7; 4000], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        let mut bytes = file.into_inner().unwrap();
        let check = |bytes: &[u8]| {
            let reader = SerializedFileReader::new(Bytes::from(bytes.to_vec())).unwrap();
            check_pages(bytes, reader.metadata())
        };
        check(&bytes).unwrap();
        // The page begins behind the magic number: its type, then its uncompressed size, 32,000 in three bytes.
        assert_eq!((bytes[4], bytes[6], bytes[10]), (0x15, 0x15, 0x15));
        bytes[7..10].copy_from_slice(&[0xfe, 0xff, 0x7f]);
        let error = check(&bytes).unwrap_err();
        assert!(error.starts_with("page at byte 4: ") && error.contains("cannot become 1048575"), "{error}");
    }

    /// A header of a data page: type 0, sizes, then a struct with a number and a binary.
    fn header(plain: u8, stored: u8) -> Vec<u8> {
        vec![0x15, 0, 0x15, plain << 1, 0x15, stored << 1, 0x2c, 0x15, 2, 0x18, 2, b'a', b'b', 0, 0]
    }

    #[test]
    fn sizes_are_read_and_what_is_no_header_is_not() {
        let bytes = [header(40, 3), vec![7, 8, 9]].concat();
        let read = sizes(&bytes).unwrap();
        assert_eq!((read.plain, read.stored, read.page), (40, 3, &[7, 8, 9][..]));
        for n in 0..bytes.len() - 3 {
            assert!(sizes(&bytes[..n]).is_none(), "cut at {n}");
        }
        let deep = [vec![0x1c; 100], vec![0; 100]].concat();
        assert!(sizes(&deep).is_none(), "structs in structs");
        assert!(sizes(&[0x15, 1, 0x15, 1, 0x15, 3, 0]).is_none(), "a negative size");
        let endless = [0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(sizes(&endless).is_none(), "a list that is longer than the file");
    }
}
