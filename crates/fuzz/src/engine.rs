//! Runs a target over inputs, keeps those with a new outcome, and judges each.

use crate::mutate::mutate;
use crate::random::{Random, hash};
use crate::target::{Outcome, Target};
use crate::watch::{InFlight, Measured, measure};
use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

/// Seconds that one input may take.
pub const LIMIT_S: f64 = 2.0;

/// How often an input that took longer is tried again.
const TRIES: usize = 3;

/// Inputs that are kept for their outcome, at most.
const MOST_KEPT: usize = 4000;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// After so many executions.
    Executions(u64),
    /// After so many seconds.
    Seconds(f64),
}

/// Something that must not happen.
#[derive(Debug, Clone)]
pub struct Finding {
    /// `panic`, `slow` or `memory`.
    pub kind: &'static str,
    /// Where, how long, how much.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Executions.
    pub executions: u64,
    /// Inputs that were read without an error.
    pub n_read: u64,
    /// Panics that a guard turned into errors.
    pub n_guarded: u64,
    /// Wall time.
    pub seconds: f64,
    /// The longest time of one input, in seconds.
    pub slowest_s: f64,
    /// The most memory that an input took, in bytes.
    pub peak: usize,
    /// The most memory for each byte of an input, above what is free.
    pub per_byte: f64,
    /// Outcomes that were seen.
    pub n_outcomes: usize,
    /// Inputs that were kept for their outcome.
    pub kept: Vec<Vec<u8>>,
    /// Where guarded panics were.
    pub guarded: BTreeSet<String>,
    /// What must not happen, one of a kind.
    pub findings: Vec<Finding>,
}

/// Runs `corpus` once, then changed copies of it.
///
/// # Errors
/// An input that cannot be noted in `in_flight`.
pub fn run(
    target: &Target,
    corpus: Vec<Vec<u8>>,
    seed: u64,
    budget: Budget,
    in_flight: &mut InFlight,
) -> io::Result<Report> {
    let mut run = Run { target, report: Report::default(), outcomes: BTreeSet::new(), seen: BTreeSet::new(), most: 0 };
    let start = Instant::now();
    for input in &corpus {
        run.execute(input, in_flight)?;
    }
    let n_first = corpus.len();
    let mut inputs = corpus;
    let mut random = Random::new(seed, target.name);
    loop {
        let seconds = start.elapsed().as_secs_f64();
        let is_over = match budget {
            Budget::Executions(n) => run.report.executions >= n + n_first as u64,
            Budget::Seconds(most) => seconds >= most,
        };
        if is_over {
            run.report.seconds = seconds;
            run.report.n_outcomes = run.outcomes.len();
            return Ok(run.report);
        }
        let mut input = mutate(&mut random, &inputs, target.words);
        if !random.one_in(4) {
            (target.repair)(&mut input);
        }
        if run.execute(&input, in_flight)? && inputs.len() < n_first + MOST_KEPT {
            run.report.kept.push(input.clone());
            inputs.push(input);
        }
    }
}

struct Run<'a> {
    target: &'a Target,
    report: Report,
    outcomes: BTreeSet<u64>,
    /// Findings by kind and place.
    seen: BTreeSet<String>,
    /// The most memory of a finding so far.
    most: usize,
}

impl Run<'_> {
    /// Runs one input; whether its outcome is new.
    fn execute(&mut self, input: &[u8], in_flight: &mut InFlight) -> io::Result<bool> {
        in_flight.note(input)?;
        let mut measured = measure(|| (self.target.run)(input));
        for _ in 0..TRIES {
            // Another process may have had the core.
            if measured.seconds > LIMIT_S {
                let again = measure(|| (self.target.run)(input));
                measured.seconds = measured.seconds.min(again.seconds);
            }
        }
        self.note(input, &measured);
        self.judge(input, &measured);
        Ok(measured.result.is_some_and(|outcome| self.outcomes.insert(outcome.signature)))
    }

    fn note(&mut self, input: &[u8], measured: &Measured<Outcome>) {
        let report = &mut self.report;
        report.executions += 1;
        report.n_read += u64::from(measured.result.is_some_and(|outcome| outcome.is_read));
        report.slowest_s = report.slowest_s.max(measured.seconds);
        report.peak = report.peak.max(measured.peak);
        let above = measured.peak.saturating_sub(self.target.memory.free);
        report.per_byte = report.per_byte.max(above as f64 / input.len().max(1) as f64);
        if let (Some(_), Some(panic)) = (measured.result, &measured.panic) {
            report.n_guarded += 1;
            report.guarded.insert(place(panic));
        }
    }

    fn judge(&mut self, input: &[u8], measured: &Measured<Outcome>) {
        let bound = self.target.memory.bound(input.len());
        let (kind, key, what) = if measured.result.is_none() {
            let panic = measured.panic.clone().unwrap_or_default();
            ("panic", place(&panic), panic)
        } else if measured.seconds > LIMIT_S {
            ("slow", String::new(), format!("{:.1} s", measured.seconds))
        } else if measured.peak > bound {
            let what = format!("{} bytes for an input of {}, expected at most {bound}", measured.peak, input.len());
            ("memory", String::new(), what)
        } else {
            return;
        };
        if self.seen.insert(format!("{kind} {key}")) {
            self.report.findings.push(Finding { kind, what, input: input.to_vec() });
        } else if kind == "memory" && measured.peak > self.most {
            // The worst one is kept.
            self.report.findings.retain(|finding| finding.kind != kind);
            self.report.findings.push(Finding { kind, what, input: input.to_vec() });
        }
        self.most = self.most.max(measured.peak);
    }
}

/// Where a panic was, without what was said.
fn place(panic: &str) -> String {
    panic.split(": ").next().unwrap_or_default().to_owned()
}

/// Seconds that making an input smaller may take.
const TO_SHRINK_S: f64 = 20.0;

/// A smaller input that ends in the same kind of finding, by leaving out parts for at most `n` executions and some seconds.
#[must_use]
pub fn smaller(target: &Target, finding: &Finding, n: usize) -> Vec<u8> {
    let is_same = |input: &[u8]| {
        let measured = measure(|| (target.run)(input));
        match finding.kind {
            "panic" => measured.result.is_none() && measured.panic.is_some_and(|p| place(&p) == place(&finding.what)),
            "memory" => measured.peak > target.memory.bound(input.len()),
            _ => false,
        }
    };
    let start = Instant::now();
    let (mut best, mut left) = (finding.input.clone(), n);
    let mut step = best.len() / 2;
    while step > 0 && left > 0 {
        let mut at = 0;
        while at < best.len() && left > 0 && start.elapsed().as_secs_f64() < TO_SHRINK_S {
            let mut shorter = best.clone();
            shorter.drain(at..best.len().min(at + step));
            left -= 1;
            if is_same(&shorter) {
                best = shorter;
            } else {
                at += step;
            }
        }
        step /= 2;
    }
    best
}

/// A name for an input in a folder.
#[must_use]
pub fn file_name(kind: &str, input: &[u8]) -> String {
    format!("{kind}-{:016x}", hash(input))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Memory;
    use crate::watch;

    fn fragile(input: &[u8]) -> Outcome {
        assert!(!input.contains(&0xee), "an input with 0xee");
        let much = vec![0u8; if input.first() == Some(&b'M') { 8 << 20 } else { 0 }];
        Outcome { signature: about(input), is_read: much.is_empty() }
    }

    fn about(input: &[u8]) -> u64 {
        input.len() as u64 / 8
    }

    const TARGET: Target = Target {
        name: "fragile",
        reads: "",
        seeds: || vec![b"a seed of some length".to_vec()],
        words: &[b"M"],
        repair: |_| {},
        run: fragile,
        memory: Memory { per_byte: 16, free: 1 << 20 },
    };

    #[test]
    fn panics_and_memory_are_found_repeatably_and_made_smaller() {
        watch::start();
        let folder = tempfile::tempdir().unwrap();
        let go = |seed| {
            let mut in_flight = InFlight::new(&folder.path().join("in-flight")).unwrap();
            run(&TARGET, (TARGET.seeds)(), seed, Budget::Executions(4000), &mut in_flight).unwrap()
        };
        let (report, again) = (go(1), go(1));
        assert_eq!(report.executions, 4001);
        let inputs = |report: &Report| report.findings.iter().map(|of| of.input.clone()).collect::<Vec<_>>();
        assert_eq!(inputs(&report), inputs(&again));
        let panic = report.findings.iter().find(|finding| finding.kind == "panic").unwrap();
        assert_eq!(smaller(&TARGET, panic, 500), [0xee]);
        assert!(report.findings.iter().any(|finding| finding.kind == "memory"));
        assert!(report.n_outcomes > 3);
    }
}
