//! Lines of a journal, each with a checksum: a disk may change a bit, and a number with another digit looks like one.

/// Appends a line: the CRC-32 of `text` in eight hexadecimal digits, a space, and `text`, which has no line break.
pub fn push_line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(format!("{:08x} ", crc32fast::hash(text)).as_bytes());
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// The text of a line, with its line break, that is as it was written.
pub fn line_text(line: &[u8]) -> Option<&[u8]> {
    let (crc, text) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
    let crc = std::str::from_utf8(crc.strip_suffix(b" ")?).ok()?;
    (u32::from_str_radix(crc, 16) == Ok(crc32fast::hash(text))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_and_unchanged_or_none() {
        let mut line = Vec::new();
        push_line(&mut line, br#"{"peak":0.25}"#);
        assert_eq!(line_text(&line), Some(&br#"{"peak":0.25}"#[..]));
        for n in 0..line.len() {
            assert_eq!(line_text(&line[..n]), None);
            let mut flipped = line.clone();
            flipped[n] ^= 2;
            assert_eq!(line_text(&flipped), None, "{n}");
        }
    }
}
