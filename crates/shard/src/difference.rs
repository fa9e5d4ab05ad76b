//! What differs between two configurations, in words.

use serde_json::Value;

/// One entry a value that differs: its dotted name and both values, each behind its word of `words`, in the order of
/// the names.
pub fn differences(words: [&str; 2], first: &Value, second: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(words, "", first, second, &mut found);
    found
}

fn collect(words: [&str; 2], name: &str, first: &Value, second: &Value, found: &mut Vec<String>) {
    match (first.as_object(), second.as_object()) {
        (Some(a), Some(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort_unstable();
            for key in keys {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                collect(words, &name, &value(a), &value(b), found);
            }
        }
        _ if first != second => found.push(format!("{name}: {} {first}, {} {second}", words[0], words[1])),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_values_and_missing_keys() {
        let words = ["then", "now"];
        let found =
            differences(words, &json!({"a": {"b": 1, "c": 2}, "d": 3}), &json!({"a": {"b": 1, "c": 4}, "e": 5}));
        assert_eq!(found, ["a.c: then 2, now 4", "d: then 3, now null", "e: then null, now 5"]);
        assert!(differences(words, &json!({"a": [1]}), &json!({"a": [1]})).is_empty());
    }
}
