//! Reads a file from the cache without opening a connection.
//!
//!     cargo run --example offline -p hub

use hub::{Error, Source, fetch};
use std::ops::ControlFlow;

fn main() -> Result<(), Error> {
    let cache = std::env::temp_dir().join("barkbird-hub-example");
    let source = Source { offline: true, ..Source::new("acme/tiny-vit", cache) };
    let error = fetch(&source, "config.json", &|_| ControlFlow::Continue(())).expect_err("the cache is empty");
    assert!(matches!(error, Error::NotCached { .. }));
    assert!(error.to_string().starts_with("acme/tiny-vit@main: config.json: not in the cache "));
    Ok(())
}
