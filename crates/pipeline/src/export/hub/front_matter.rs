//! The metadata of a model card: YAML that any reader of YAML takes, between two lines of dashes.
//!
//! Texts are written as JSON writes them, in quotes with escapes, which is YAML, too; so nothing that somebody named can end a text.

use serde_json::Value;

/// The block of metadata, in this order.
pub(super) fn front_matter(fields: &[(&str, Value)]) -> String {
    let mut out = String::from("---\n");
    fields.iter().for_each(|(key, value)| field(&mut out, key, value, 0));
    out.push_str("---\n");
    out
}

/// A key and what it has.
fn field(out: &mut String, key: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let key = scalar(&Value::String(key.to_owned()));
    out.push_str(&format!("{indent}{key}:"));
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            fields.iter().for_each(|(key, value)| field(out, key, value, depth + 1));
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().for_each(|value| item(out, value, depth));
        }
        other => out.push_str(&format!(" {}\n", scalar(other))),
    }
}

/// An item of a list: the first field of an object stands behind the dash.
fn item(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut inner = String::new();
            fields.iter().for_each(|(key, value)| field(&mut inner, key, value, depth + 1));
            let first = inner.strip_prefix(&"  ".repeat(depth + 1)).unwrap_or(&inner);
            out.push_str(&format!("{indent}- {first}"));
        }
        other => out.push_str(&format!("{indent}- {}\n", scalar(other))),
    }
}

/// A plain word, or JSON.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is the same text without quotes, in every version of YAML.
fn is_plain(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_yaml() {
        let fields = [
            ("license", json!("cc-by-4.0")),
            ("tags", json!(["barkbird", "a: b", "no"])),
            ("empty", json!([])),
            (
                "model-index",
                json!([{"name": "x\"\n---\n", "results": [{"task": {"type": "audio-classification"}, "metrics": [{"value": 0.5}, {"value": null}]}]}]),
            ),
        ];
        let expected = "---\nlicense: \"cc-by-4.0\"\ntags:\n- barkbird\n- \"a: b\"\n- \"no\"\nempty: []\nmodel-index:\n\
                        - name: \"x\\\"\\n---\\n\"\n  results:\n  - metrics:\n    - value: 0.5\n    - value: null\n    task:\n      type: \
                        audio-classification\n---\n";
        assert_eq!(front_matter(&fields), expected);
    }
}
