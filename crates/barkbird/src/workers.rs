//! Processes of this program that share the work of a command, each on a device of its own: `--device cuda:0,1`.

use crate::cli::{Cli, Command};
use crate::commands::train;
use crate::device;
use crate::ui::INCOMPLETE;
use anyhow::{Context, Result, bail};
use pipeline::predict::Part;
use pipeline::{Task, Workers};

/// The processes that `--device` asks for; none where it names one device. `words` are those of the command line.
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
    let threads = cli.global.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let threads = (threads / devices.len()).max(1).to_string();
    let program = std::env::current_exe().context("where this program is")?;
    let (seed, words, names) = (cli.global.seed, words.to_vec(), devices.clone());
    let arguments = move |nth: usize, task: &Task| {
        let mut own = ["--device", &devices[nth], "--threads", &threads, "--progress", "json", "--worker"]
            .map(str::to_owned)
            .to_vec();
        let of_task = match task {
            Task::Train(options) => {
                own.extend(seed.map(|seed| format!("--seed={seed}")));
                train::words(options)
            }
            Task::Predict(Part { index, count }) => {
                own.push(format!("--part={index}/{count}"));
                words.clone()
            }
            Task::Size(nth) => {
                own.push(format!("--training={nth}"));
                words.clone()
            }
        };
        // Of an option that comes twice, the last counts.
        let end = of_task.iter().position(|word| word == "--").unwrap_or(of_task.len());
        [&of_task[..end], &own, &of_task[end..]].concat()
    };
    Ok(Some(Workers::new(program, &names, vec![0, i32::from(INCOMPLETE)], Box::new(arguments))))
}
