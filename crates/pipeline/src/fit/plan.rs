//! What will be done and how long it takes, before it starts.

use super::network::Network;
use super::table::Table;
use crate::named::Named;
use crate::stress::Condition;
use serde::Serialize;

/// Seconds a clip takes on one core. All figures here are about twice what two free cores of 2.5 GHz (AMD EPYC) took, so that
/// a plan holds on a machine that does other work: decoding it and making it under every
/// condition; and for each condition, a pass of the pretrained network or of a convolutional one.
const CONDITIONS_S: f64 = 0.15;
const BACKBONE_S: f64 = 0.013;
const CNN_S: f64 = 0.0036;
const VIT_S: f64 = 0.066;
/// Seconds a clip takes for the doctor, scan, and a view.
const DOCTOR_S: f64 = 0.06;
const VIEW_S: f64 = 0.012;
/// Seconds of one step forward and back.
const CNN_TRAINING_S: f64 = 0.0012;
const YAMNET_TRAINING_S: f64 = 0.03;
/// What starting takes.
const LEAST_S: f64 = 1.0;
/// Trainings beside those of the folds: the one on all clips.
const FINAL: usize = 1;

/// A step of a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What is done.
    pub name: String,
    /// About how long it takes, in seconds.
    pub seconds: f64,
}

/// What will be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Clips to learn from, and their groups.
    pub clips: usize,
    /// Clips of the test split.
    pub test_clips: usize,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// What is compared.
    pub candidates: Vec<String>,
    /// What is left out, and why.
    pub left_out: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// About how long all of it takes, in minutes.
    pub minutes: f64,
}

impl Plan {
    /// Plans for a table; networks that do not fit into `minutes` are left out, the last one first.
    pub(super) fn new(
        table: &Table,
        has_backbone: bool,
        networks: &mut Vec<Network>,
        minutes: f64,
        n_threads: usize,
    ) -> Self {
        let mut left_out = Vec::new();
        loop {
            let steps = steps(table, has_backbone, networks, n_threads);
            let total = steps.iter().map(|step| step.seconds).sum::<f64>() / 60.0;
            // Without a backbone one network has to be there.
            if total <= minutes || networks.len() <= usize::from(!has_backbone) {
                let heads = ["evidence", "prototype", "linear"].into_iter().filter(|_| has_backbone);
                let candidates = heads.chain(networks.iter().map(|network| network.name)).map(str::to_owned).collect();
                return Self {
                    clips: table.known().len(),
                    test_clips: table.n_test,
                    folds: table.n_folds,
                    candidates,
                    left_out,
                    steps,
                    minutes: total,
                };
            }
            if let Some(network) = networks.pop() {
                left_out.push(format!("{}: does not fit into {minutes} minutes (--minutes)", network.name));
            }
        }
    }

    /// The minutes that are left when step `nth` begins.
    pub(super) fn minutes_from(&self, nth: usize) -> f64 {
        self.steps.iter().skip(nth).map(|step| step.seconds).sum::<f64>() / 60.0
    }
}

fn steps(table: &Table, has_backbone: bool, networks: &[Network], n_threads: usize) -> Vec<Step> {
    let threads = n_threads.max(1) as f64;
    let (n, n_test) = (table.known().len() as f64, table.n_test as f64);
    let n_conditions = 1.0 + Condition::ALL.len() as f64;
    let step = |name: String, seconds: f64| Step { name, seconds: LEAST_S + seconds / threads };
    let mut steps = vec![step("doctor".into(), DOCTOR_S * (n + n_test))];
    let mut forward_s = if has_backbone { BACKBONE_S } else { 0.0 };
    for network in networks {
        let (training_s, of_forward_s) = network.costs_s(CNN_TRAINING_S, YAMNET_TRAINING_S, CNN_S, BACKBONE_S, VIT_S);
        let one = n * Network::n_shown() * (training_s * network.epochs as f64);
        let views = n * Network::n_shown() * (VIEW_S + network.once_s(VIT_S));
        steps.push(step(format!("train {}", network.name), one * (table.n_folds + FINAL) as f64 + views));
        forward_s += of_forward_s;
    }
    let stress = n * (CONDITIONS_S + n_conditions * forward_s);
    steps.push(step("stress tests".into(), stress));
    steps.push(step("model and detector".into(), 0.02 * n));
    steps.push(step("test".into(), n_test * (CONDITIONS_S + n_conditions * forward_s)));
    steps.push(step("report".into(), 1.0));
    steps
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} clips in {} folds by group, {} test clips", self.clips, self.folds, self.test_clips)?;
        writeln!(f, "compared: {}, and their averages", self.candidates.join(", "))?;
        for line in &self.left_out {
            writeln!(f, "left out: {line}")?;
        }
        for step in &self.steps {
            writeln!(f, "  {:<22} {:>6.1} min", step.name, step.seconds / 60.0)?;
        }
        write!(f, "  {:<22} {:>6.1} min, about", "in all", self.minutes)
    }
}
