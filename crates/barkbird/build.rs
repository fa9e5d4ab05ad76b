//! Tells the program which commit it is built from, where the sources are a clone.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|commit| !commit.is_empty());
    println!("cargo::rustc-env=BARKBIRD_COMMIT={}", commit.as_deref().unwrap_or("unknown commit"));
    let features = ["buckets", "cuda", "hub", "metal", "microphone", "mqtt", "onnx", "serve"];
    let built: Vec<&str> = features
        .into_iter()
        .filter(|name| std::env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some())
        .collect();
    let built = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
    println!("cargo::rustc-env=BARKBIRD_FEATURES={built}");
    if let Some(folder) = git(&["rev-parse", "--absolute-git-dir"]) {
        println!("cargo::rerun-if-changed={folder}/HEAD");
        println!("cargo::rerun-if-changed={folder}/logs/HEAD");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
