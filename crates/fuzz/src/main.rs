//! Runs the fuzzer for minutes: `cargo run --release -p fuzz -- --minutes 2 [--target NAME] [--seed N] [--out FOLDER]`.
//!
//! Each target runs in a process of its own, so that an abort, an overflow of the stack or a hang ends that process alone.
//! Findings, and inputs with a new outcome, are written to FOLDER/TARGET (`target/fuzz` by default); a later run begins with
//! them. `--replay FILE --target NAME` runs one input and lets it panic.

#![allow(clippy::print_stdout, reason = "a program for developers, which prints a table")]

use fuzz::{
    Budget, HUNG, InFlight, Report, TOO_MUCH_MEMORY, Target, file_name, files, measure, read_corpus, remove_scratch,
    run, smaller, targets,
};
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Executions that making a finding smaller may take.
const TO_SHRINK: usize = 2000;

struct Arguments {
    minutes: f64,
    target: Option<String>,
    seed: u64,
    out: PathBuf,
    replay: Option<PathBuf>,
    /// One target in this process; it prints one line.
    is_child: bool,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| {
        if arguments.replay.is_some() {
            replay(&arguments)
        } else if arguments.is_child {
            child(&arguments)
        } else {
            all(&arguments)
        }
    }) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments {
        minutes: 1.0,
        target: None,
        seed: 0,
        out: PathBuf::from("target/fuzz"),
        replay: None,
        is_child: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--child" {
            found.is_child = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word}: expected a value behind it"))?;
        match word.as_str() {
            "--minutes" => found.minutes = value.parse()?,
            "--target" => found.target = Some(value),
            "--seed" => found.seed = value.parse()?,
            "--out" => found.out = value.into(),
            "--replay" => found.replay = Some(value.into()),
            _ => return Err(format!("{word}: expected --minutes, --target, --seed, --out or --replay").into()),
        }
    }
    Ok(found)
}

fn chosen(arguments: &Arguments) -> Result<Vec<Target>, Box<dyn Error>> {
    let all = targets();
    let names: Vec<&str> = all.iter().map(|target| target.name).collect();
    match &arguments.target {
        None => Ok(all),
        Some(name) => {
            let list: Vec<Target> =
                all.iter().filter(|target| name.split(',').any(|n| n == target.name)).copied().collect();
            if list.is_empty() {
                return Err(format!("--target {name}: expected one of {}", names.join(", ")).into());
            }
            Ok(list)
        }
    }
}

/// Runs one input and lets it panic.
fn replay(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(path) = &arguments.replay {
        for target in chosen(arguments)? {
            let input = std::fs::read(path)?;
            let measured = measure(|| (target.run)(&input));
            let bound = target.memory.bound(input.len());
            println!(
                "{}: {:.3} s, {} bytes of {bound}, {:?} {:?}",
                target.name, measured.seconds, measured.peak, measured.result, measured.panic
            );
        }
    }
    remove_scratch();
    Ok(ExitCode::SUCCESS)
}

/// Runs one target in this process and prints what came of it as one line of JSON.
fn child(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    fuzz::start();
    for target in chosen(arguments)? {
        let folder = arguments.out.join(target.name);
        let mut corpus = read_corpus(&target).unwrap_or_else(|_| (target.seeds)());
        corpus.extend(files(&folder.join("kept")).unwrap_or_default());
        let mut in_flight = InFlight::new(&folder.join("in-flight"))?;
        let budget = Budget::Seconds(60.0 * arguments.minutes);
        let report = run(&target, corpus, arguments.seed, budget, &mut in_flight)?;
        std::fs::create_dir_all(folder.join("kept"))?;
        for input in &report.kept {
            std::fs::write(folder.join("kept").join(file_name("new", input)), input)?;
        }
        for finding in &report.findings {
            let input = smaller(&target, finding, TO_SHRINK);
            std::fs::write(folder.join(file_name(finding.kind, &input)), &input)?;
        }
        println!("{}", line(&report));
    }
    remove_scratch();
    Ok(ExitCode::SUCCESS)
}

fn line(report: &Report) -> Value {
    json!({
        "executions": report.executions,
        "read": report.n_read,
        "guarded": report.n_guarded,
        "guarded_at": report.guarded,
        "slowest_s": report.slowest_s,
        "peak": report.peak,
        "per_byte": report.per_byte,
        "outcomes": report.n_outcomes,
        "findings": report.findings.iter().map(|of| format!("{}: {}", of.kind, of.what)).collect::<Vec<_>>(),
    })
}

/// Runs every target in a process of its own and prints the table.
fn all(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    println!(
        "{:<12} {:>10} {:>8} {:>7} {:>7} {:>9} {:>9} {:>8} {:>8} {:>7}",
        "target", "executions", "per s", "minutes", "read %", "outcomes", "slowest s", "peak MiB", "guarded", "crashes"
    );
    let mut n_crashes = 0;
    for target in chosen(arguments)? {
        let mut sum = Sum::default();
        let folder = arguments.out.join(target.name);
        std::fs::create_dir_all(&folder)?;
        let start = Instant::now();
        // A process that ended early is followed by another, with another seed.
        for nth in 0.. {
            let left = arguments.minutes - start.elapsed().as_secs_f64() / 60.0;
            if nth > 0 && left < arguments.minutes / 20.0 {
                break;
            }
            one(arguments, &target, arguments.seed + nth, left, &folder, &mut sum)?;
        }
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        println!(
            "{:<12} {:>10} {:>8.0} {minutes:>7.2} {:>7.1} {:>9} {:>9.3} {:>8.1} {:>8} {:>7}",
            target.name,
            sum.executions,
            sum.executions as f64 / 60.0 / minutes,
            100.0 * sum.n_read as f64 / (sum.executions as f64).max(1.0),
            sum.outcomes,
            sum.slowest_s,
            sum.peak as f64 / f64::from(1 << 20),
            sum.n_guarded,
            sum.crashes.len(),
        );
        for crash in sum.crashes.iter().chain(&sum.guarded) {
            println!("    {crash}");
        }
        n_crashes += sum.crashes.len();
    }
    Ok(if n_crashes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What several processes did.
#[derive(Default)]
struct Sum {
    executions: u64,
    n_read: u64,
    n_guarded: u64,
    outcomes: u64,
    slowest_s: f64,
    peak: u64,
    crashes: Vec<String>,
    guarded: Vec<String>,
}

fn one(
    arguments: &Arguments,
    target: &Target,
    seed: u64,
    minutes: f64,
    folder: &Path,
    sum: &mut Sum,
) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", "--target", target.name, "--minutes", &minutes.to_string()]);
    command.args(["--seed", &seed.to_string()]).arg("--out").arg(&arguments.out);
    // The target `hub` asks a server on this machine.
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    let ended = command.stdin(Stdio::null()).output()?;
    let Some(line) = serde_json::from_slice::<Value>(&ended.stdout).ok().filter(|_| ended.status.success()) else {
        // What it was doing when it ended.
        let in_flight = folder.join("in-flight");
        let input = InFlight::read(&in_flight).unwrap_or_default();
        let kind = match ended.status.code() {
            Some(HUNG) => "hang",
            Some(TOO_MUCH_MEMORY) => "memory",
            _ => "abort",
        };
        let path = folder.join(file_name(kind, &input));
        std::fs::write(&path, &input)?;
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").to_owned();
        sum.crashes.push(format!("{kind}: {} {}: {said}", ended.status, path.display()));
        return Ok(());
    };
    let number = |key: &str| line[key].as_u64().unwrap_or(0);
    let texts = |key: &str| line[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    sum.executions += number("executions");
    sum.n_read += number("read");
    sum.n_guarded += number("guarded");
    sum.outcomes = sum.outcomes.max(number("outcomes"));
    sum.slowest_s = sum.slowest_s.max(line["slowest_s"].as_f64().unwrap_or(0.0));
    sum.peak = sum.peak.max(number("peak"));
    sum.crashes.extend(texts("findings"));
    sum.guarded.extend(texts("guarded_at").map(|place| format!("guarded: {place}")));
    Ok(())
}
