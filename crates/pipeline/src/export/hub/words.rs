//! Pieces of Markdown.

use serde_json::Value;

/// A text that stays in its cell and shows what it is.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '|' | '<' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A table; none without rows.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let mut out = line(&head) + &line(&vec!["---".to_owned(); head.len()]);
    rows.iter().for_each(|row| out.push_str(&line(row)));
    out.push('\n');
    out
}

/// A figure; a dash where there is none.
pub(super) fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| "–".into(), |value| format!("{value:.3}"))
}

/// A 95 % interval; a dash where there is none.
pub(super) fn range(value: &Value) -> String {
    match (value[0].as_f64(), value[1].as_f64()) {
        (Some(low), Some(high)) => format!("{low:.3} to {high:.3}"),
        _ => "–".into(),
    }
}

/// A share in percent.
pub(super) fn percent(value: f64) -> String {
    format!("{:.0} %", 100.0 * value)
}

/// `a, b and c`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 clip`, `2 clips`.
pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(n as u64), if n == 1 { "" } else { "s" })
}

/// Digits in threes.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A small number, rounded up to one digit.
pub(super) fn at_most(value: f64) -> String {
    let floor = value.max(1e-7);
    let unit = 10f64.powi(floor.log10().floor() as i32);
    format!("{:.0e}", (floor / unit - 1e-9).ceil() * unit)
}

/// A frequency.
pub(super) fn hz(value: f64) -> String {
    format!("{} Hz", grouped(value.round().max(0.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_of_markdown() {
        assert_eq!(escaped("a|b\n<i>c_d"), "a\\|b \\<i>c\\_d");
        assert_eq!(table(&["a", "b"], &[vec!["1".into(), "2".into()]]), "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
        assert_eq!(table(&["a"], &[]), "");
        assert_eq!([at_most(1.2e-6), at_most(0.0), at_most(9.5e-7), at_most(3e-5)].join(" "), "2e-6 1e-7 1e-6 3e-5");
        assert_eq!([grouped(0), grouped(999), grouped(11_025), grouped(1_234_567)].join(" "), "0 999 11,025 1,234,567");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(
            (number(&json!(0.98436)), range(&json!([0.5, 1])), number(&json!(null))),
            ("0.984".into(), "0.500 to 1.000".into(), "–".into())
        );
    }
}
