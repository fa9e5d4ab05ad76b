//! Completions and manual pages.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::Work;
use std::fs;
use std::process::Command;

#[test]
fn every_shell_gets_its_completions() {
    let work = Work::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = work.ok(&["completions", shell]);
        assert!(script.contains("predict") && script.contains("per-recording"), "{shell}");
    }
    assert_eq!(work.run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn bash_completes_a_command_and_a_flag() {
    let work = Work::new();
    fs::write(work.path("barkbird.bash"), work.ok(&["completions", "bash"])).unwrap();
    for (words, expected) in [("barkbird pred", "predict"), ("barkbird predict --per-rec", "--per-recording")] {
        let script = format!(
            ". ./barkbird.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _barkbird barkbird \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &script]).current_dir(work.path(".")).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{words}");
    }
}

#[test]
fn every_command_gets_a_page_of_the_manual() {
    let work = Work::new();
    work.ok(&["man", "share/man1"]);
    let mut names: Vec<_> = fs::read_dir(work.path("share/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let some = ["barkbird-anomaly-fit.1", "barkbird-predict.1", "barkbird-train.1", "barkbird.1"];
    assert!(some.iter().all(|name| names.iter().any(|other| other == name)), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("docs") || name.contains("help")), "{names:?}");
    let page = fs::read_to_string(work.path("share/man1/barkbird-predict.1")).unwrap();
    assert!(page.contains(".TH barkbird-predict 1") && page.contains(".SH EXAMPLES"), "{page}");
    assert!(page.contains("\\&  barkbird predict run garden.wav\n"), "{page}");
    assert!(work.fails(&["man", "share/man1/barkbird.1"]).contains("a file; expected the name of a folder"));
}
