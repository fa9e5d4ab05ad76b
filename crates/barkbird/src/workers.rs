//! Processes of this program that share the work of a command, each on a device of its own: `--device cuda:0,1`.

use crate::cli::{Cli, Command};
use crate::commands::train;
use crate::{INCOMPLETE, device};
use anyhow::{Context, Result, bail};
use pipeline::predict::Part;
use pipeline::{CancelToken, Task, Workers};
use std::io::Read;

/// Global options that each process has of its own, and whether a value follows.
const OWN: [(&str, bool); 8] = [
    ("--device", true),
    ("--threads", true),
    ("--progress", true),
    ("--log", true),
    ("--quiet", false),
    ("-q", false),
    ("--overwrite", false),
    ("--resume", false),
];

/// The processes that `--device` asks for; none where it names one device, or another process has asked for this one.
///
/// # Errors
/// Several devices for a command that does all of its work on one.
pub(crate) fn of(cli: &Cli, words: &[String]) -> Result<Option<Workers>> {
    let devices = device::list(&cli.global.device)?;
    if devices.len() < 2 {
        return Ok(None);
    }
    let takes_several = match &cli.command {
        Command::Fit(_) | Command::Predict(_) => true,
        Command::Compare(args) => !args.sizes.is_empty(),
        _ => false,
    };
    if !takes_several {
        bail!(
            "--device {}: this command computes on one device; those that share their work among several are `fit`, `predict` and \
             `compare --sizes`",
            cli.global.device
        );
    }
    let n = devices.len();
    let threads = cli.global.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let is_repeated = |device: &String| devices.iter().filter(|other| *other == device).count() > 1;
    let name = |(nth, device): (usize, &String)| match is_repeated(device) {
        true => format!("{device} #{}", nth + 1),
        false => device.clone(),
    };
    let names = devices.iter().enumerate().map(name).collect();
    let (seed, words) = (cli.global.seed, words.to_vec());
    let arguments = move |nth: usize, task: &Task| {
        let threads = (threads / n).max(1).to_string();
        let own =
            ["--device", &devices[nth], "--threads", &threads, "--progress", "json", "--worker"].map(str::to_owned);
        let of_task = match task {
            Task::Predict(Part { index, count }) => with(&words, &["--part", &format!("{index}/{count}"), "--resume"]),
            Task::Size(nth) => with(&words, &["--training", &nth.to_string()]),
            Task::Train(options) => {
                let mut of_task = train::words(options);
                of_task.extend(seed.map(|seed| format!("--seed={seed}")));
                of_task
            }
        };
        own.into_iter().chain(of_task).collect()
    };
    let program = std::env::current_exe().context("where this program is")?;
    Ok(Some(Workers { program, names, arguments: Box::new(arguments), done: vec![0, i32::from(INCOMPLETE)] }))
}

/// The words of this command line with others, and without what each process has of its own.
fn with(words: &[String], more: &[&str]) -> Vec<String> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut all = Vec::new();
    let mut before = words[..end].iter();
    while let Some(word) = before.next() {
        let is_own = |(name, _): &&(&str, bool)| {
            word.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || name.starts_with("--") && rest.starts_with('='))
        };
        match OWN.iter().find(is_own) {
            Some((name, true)) if word == name => drop(before.next()),
            Some(_) => {}
            None => all.push(word.clone()),
        }
    }
    all.extend(more.iter().map(|&word| word.to_owned()).chain(words[end..].iter().cloned()));
    all
}

/// Asks to stop once standard input ends: who has started this process has ended, or wants it to.
pub(crate) fn stop_with_stdin(cancel: &CancelToken) {
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while std::io::stdin().read(&mut buffer).is_ok_and(|n| n > 0) {}
        cancel.cancel();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn each_process_has_a_device_threads_and_a_part_of_its_own() {
        let line = words("predict run -q in --out t.csv --device=cuda:1,3 --overwrite --threads 6 --log l -- -x.wav");
        let cli = Cli::try_parse_from(std::iter::once("barkbird".to_owned()).chain(line.clone())).unwrap();
        let workers = of(&cli, &line).unwrap().unwrap();
        assert_eq!(workers.names, ["cuda:1", "cuda:3"]);
        let of_task = (workers.arguments)(1, &Task::Predict(Part { index: 2, count: 2 })).join(" ");
        let expected = "--device cuda:3 --threads 3 --progress json --worker predict run in --out t.csv --part 2/2 --resume -- -x.wav";
        assert_eq!(of_task, expected);
        assert!(Cli::try_parse_from(std::iter::once("barkbird").chain(of_task.split(' '))).is_ok());
    }

    #[test]
    fn other_commands_are_refused_with_those_that_take_several() {
        let of_line = |line: &str| {
            let line = words(line);
            let cli = Cli::try_parse_from(std::iter::once("barkbird".to_owned()).chain(line.clone())).unwrap();
            of(&cli, &line).map(|workers| workers.map(|workers| workers.names))
        };
        let error = of_line("train cnn --features f --out r --device cpu,cpu").unwrap_err().to_string();
        assert!(error.contains("`fit`, `predict` and `compare --sizes`"), "{error}");
        assert_eq!(of_line("train cnn --features f --out r --device cpu").unwrap(), None);
        let names = of_line("fit data --out r --device cpu,cpu").unwrap().unwrap();
        assert_eq!(names, ["cpu #1", "cpu #2"]);
    }
}
