//! Drives the real binary in a folder of its own.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that goes away with the test.
pub(crate) struct Work(tempfile::TempDir);

impl Work {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The binary, to be run in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barkbird"));
        command.args(arguments).current_dir(self.0.path());
        command
    }

    /// Runs the binary in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the binary; it must succeed. Returns stdout.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?} failed: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the binary; it must do its work and say by status 3 that some recordings could not be used. Returns stdout.
    pub(crate) fn ok_but_for_some(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the binary; it must fail with status 1 and one `error:` line. Returns that line.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        error_line(&self.run(arguments))
    }

    /// Sounds of our own making, scanned: `sounds/` and `manifest.csv`.
    pub(crate) fn sounds(&self, clips: usize) {
        self.ok(&["synth", "--out", "sounds", "--clips", &clips.to_string(), "--seed", "3"]);
        self.ok(&["scan", "sounds/manifest.csv", "--out", "manifest.csv"]);
    }
}

/// The one `error:` line of a run that must have failed with status 1.
pub(crate) fn error_line(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "should have failed: {error}");
    let lines: Vec<&str> = error.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines.len(), 1, "{error}");
    lines[0].to_owned()
}

/// Every file below a folder with its bytes, by name; `cache` left out.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "cache" {
                    folders.push(path);
                }
            } else {
                out.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

/// Whether a page loads nothing when it is opened: every address in it is data or within the page, but for the names of
/// XML namespaces.
pub(crate) fn loads_nothing(html: &str) -> bool {
    let addresses = ["src=\"", "href=\"", "url(", "srcset=\"", "action=\"", "@import", "fetch("];
    let is_within = |rest: &str| rest.starts_with("data:") || rest.starts_with('#');
    addresses.iter().all(|name| html.match_indices(name).all(|(at, _)| is_within(&html[at + name.len()..])))
        // The name of SVG is no address.
        && html.replace("\"http://www.w3.org/2000/svg\"", "").matches("http").count()
            == html.matches("http-equiv").count()
}
