//! Names that clients give: they are repeated in answers and tables, and are never paths on the server.

use axum::http::HeaderValue;

/// Characters of a name, at most.
const MOST_NAME: usize = 255;

/// A name as tables and messages can have it: without control characters, and not too long.
pub(crate) fn clean_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MOST_NAME).collect::<String>().trim().to_owned()
}

/// The header by which a browser keeps a body as a file of a name.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in last.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            true => encoded.push(byte as char),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_leave_their_header() {
        let header = attachment("../no\"cte\u{e9}.csv");
        assert_eq!(
            header.to_str().unwrap(),
            "attachment; filename=\"no_cte_.csv\"; filename*=UTF-8''no%22cte%C3%A9.csv"
        );
        assert_eq!(clean_name(" a\r\nb "), "ab");
    }
}
