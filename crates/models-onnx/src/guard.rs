//! Calls into tract: its panics and its long messages become errors of one line.

use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tract_onnx::prelude::TractResult;

/// Longest reason that is shown, in characters: tract prints whole operations.
const MAX_REASON: usize = 400;

/// Runs `call`, which does `operation` on the model `path`. What it had begun is dropped on a panic.
pub(crate) fn guarded<T>(path: &Path, operation: &'static str, call: impl FnOnce() -> TractResult<T>) -> Result<T> {
    let reason = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => format!("{error:#}"),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic in tract").to_owned()
        }
    };
    let words: Vec<&str> = reason.split_whitespace().collect();
    let mut reason: String = words.join(" ").chars().take(MAX_REASON + 1).collect();
    if reason.chars().count() > MAX_REASON {
        reason.pop();
        reason.push_str(" ...");
    }
    Err(Error::Graph { path: path.into(), operation, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_long_message_become_one_line() {
        let path = Path::new("a.onnx");
        let of = |call: fn() -> TractResult<()>| guarded(path, "run", call).unwrap_err().to_string();
        assert_eq!(of(|| panic!("index {}\nout of range", 3)), "a.onnx: run: index 3 out of range");
        let long = guarded(path, "run", || TractResult::<()>::Err(std::io::Error::other("a\n ".repeat(900)).into()));
        let text = long.unwrap_err().to_string();
        assert!(text.ends_with(" ...") && text.len() < 450 && !text.contains('\n'), "{text}");
    }
}
