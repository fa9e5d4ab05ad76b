//! Candidates: heads over the pretrained network, trained networks, and averages of them; what each answers about clips
//! that it was held out of.

use super::measured::{Measured, OfCondition, Trained};
use crate::error::Result;
use crate::stress::Condition;
use classifier::{Head, HeadKind, Labeled, fit_scale, mean_votes, votes};
use inference::{Model, read_model};

/// Classes of the pretrained network that speak for a class, at most.
const MOST_EVIDENCE: usize = 8;
/// Most parts of an average.
const MOST_PARTS: usize = 3;
/// Clips of a group count as the square root of their number where scales are fitted.
const GROUP_POWER: f64 = 0.5;

/// One thing that answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A head over the pretrained network.
    Head(HeadKind),
    /// One of the trained networks, by its number.
    Network(usize),
}

/// A part, and what it answered.
pub(super) struct Answered {
    /// What it is.
    pub(super) part: Part,
    /// Its name in tables.
    pub(super) name: String,
    /// How many numbers it learns from the clips.
    pub(super) learned: usize,
    /// What its logits are multiplied with before it votes.
    pub(super) scale: f32,
    /// By condition: logits of known clips from a model that did not see them, `[N, C]`.
    logits: Vec<Vec<f32>>,
}

/// One part, or several that vote.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Names of its parts, joined with `+`.
    pub(super) name: String,
    /// Numbers of its parts.
    pub(super) parts: Vec<usize>,
    /// Mean of the numbers that its parts learn from the clips: how much its answers lean on them.
    pub(super) learned: usize,
    /// By condition, as they are first: logits of known clips that it did not see, `[N, C]`.
    pub(super) logits: Vec<Vec<f32>>,
}

/// Known clips: class, group and fold of each, `[N]`.
pub(super) struct Known<'a> {
    pub(super) n_classes: usize,
    pub(super) class: Vec<u32>,
    pub(super) group: Vec<&'a str>,
    pub(super) fold: Vec<usize>,
}

impl<'a> Known<'a> {
    pub(super) fn of(measured: &'a Measured, n_classes: usize) -> Self {
        let known = || measured.clips.iter().filter_map(|clip| Some((clip.class?, clip.group(), clip.fold?)));
        Self {
            n_classes,
            class: known().map(|(class, _, _)| class).collect(),
            group: known().map(|(_, group, _)| group).collect(),
            fold: known().map(|(_, _, fold)| fold).collect(),
        }
    }

    pub(super) fn labeled(&self) -> Labeled<'_> {
        Labeled { n_classes: self.n_classes, class: &self.class, group: &self.group }
    }
}

/// All parts that could be fitted, and why others could not.
pub(super) fn parts(
    measured: &Measured,
    trained: &[Trained],
    known: &Known<'_>,
) -> Result<(Vec<Answered>, Vec<String>)> {
    let (mut answered, mut notes) = (Vec::new(), Vec::new());
    let dim = measured.conditions[0].1.dim;
    let numbers = |kind: HeadKind| match kind {
        HeadKind::Evidence => known.n_classes * MOST_EVIDENCE,
        HeadKind::Prototype | HeadKind::Linear => (known.n_classes + 1) * dim,
    };
    for kind in HeadKind::ALL.iter().filter(|_| measured.conditions[0].1.n_own > 0) {
        match held_out(*kind, &measured.conditions, known) {
            Ok(logits) => answered.push(Answered::new(Part::Head(*kind), kind.name(), numbers(*kind), logits, known)?),
            Err(error) => notes.push(format!("{}: left out: {error}", kind.name())),
        }
    }
    for (nth, of) in trained.iter().enumerate() {
        let learned = n_trained(&of.folds[0])?;
        let logits = measured.conditions.iter().map(|(_, of_condition)| of_condition.networks[nth].clone()).collect();
        answered.push(Answered::new(Part::Network(nth), of.network.name, learned, logits, known)?);
    }
    Ok((answered, notes))
}

/// Each part alone, and every average of two or three.
pub(super) fn candidates(parts: &[Answered], n_classes: usize) -> Vec<Candidate> {
    let n = parts.len();
    let sets = (1u32..1 << n).filter(|set| set.count_ones() as usize <= MOST_PARTS);
    let of_set = |set: u32| -> Candidate {
        let chosen: Vec<usize> = (0..n).filter(|part| set >> part & 1 == 1).collect();
        let names: Vec<&str> = chosen.iter().map(|&part| parts[part].name.as_str()).collect();
        let n_conditions = parts[chosen[0]].logits.len();
        let logits = |condition: usize| match &chosen[..] {
            [only] => parts[*only].logits[condition].clone(),
            several => {
                let of_part = |&part: &usize| votes(&parts[part].logits[condition], n_classes, parts[part].scale);
                mean_votes(&several.iter().map(of_part).collect::<Vec<_>>())
            }
        };
        Candidate {
            name: names.join("+"),
            learned: chosen.iter().map(|&part| parts[part].learned).sum::<usize>() / chosen.len(),
            logits: (0..n_conditions).map(logits).collect(),
            parts: chosen,
        }
    };
    sets.map(of_set).collect()
}

impl Answered {
    fn new(part: Part, name: &str, learned: usize, logits: Vec<Vec<f32>>, known: &Known<'_>) -> Result<Self> {
        let weights = known.labeled().weights(GROUP_POWER);
        let scale = fit_scale(&logits[0], &known.class, &weights, known.n_classes)?;
        Ok(Self { part, name: name.to_owned(), learned, scale, logits })
    }
}

/// Parameters of a network's training that were fitted on the clips.
fn n_trained(model: &Model) -> Result<usize> {
    let (_, file) = read_model(&model.path)?;
    // What was pretrained counts as far as it was trained again.
    let is_trained = |name: &&String| match file.header.architecture["kind"].as_str() {
        Some("cnn") => !name.contains("running_"),
        Some("yamnet") => {
            ["layer11", "layer12", "layer13", "layer14", "head"].iter().any(|part| name.starts_with(part))
        }
        _ => name.starts_with("head"),
    };
    Ok(file.tensors.iter().filter(|(name, _)| is_trained(name)).map(|(_, tensor)| tensor.elem_count()).sum())
}

/// Logits of each clip under each condition, from a head that was fitted on the other folds' clips as they are.
fn held_out(
    kind: HeadKind,
    conditions: &[(Option<Condition>, OfCondition)],
    known: &Known<'_>,
) -> Result<Vec<Vec<f32>>, classifier::Error> {
    let (n, n_classes) = (known.class.len(), known.n_classes);
    let n_folds = known.fold.iter().max().map_or(0, |last| last + 1);
    let mut logits = vec![vec![0.0f32; n * n_classes]; conditions.len()];
    for fold in 0..n_folds {
        let (rows, others): (Vec<usize>, Vec<usize>) = (0..n).partition(|&row| known.fold[row] == fold);
        let training = conditions[0].1.subset(&others);
        let class: Vec<u32> = others.iter().map(|&row| known.class[row]).collect();
        let group: Vec<&str> = others.iter().map(|&row| known.group[row]).collect();
        let head = Head::fit(kind, &training.rows(), &Labeled { n_classes, class: &class, group: &group })?;
        for ((_, of_condition), logits) in conditions.iter().zip(&mut logits) {
            let answers = head.logits(&of_condition.subset(&rows).rows());
            for (row, answer) in rows.iter().zip(answers.chunks_exact(n_classes)) {
                logits[row * n_classes..][..n_classes].copy_from_slice(answer);
            }
        }
    }
    Ok(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_of_two_or_three_and_learn_their_mean() {
        let part = |name: &str, learned| Answered {
            part: Part::Head(HeadKind::Evidence),
            name: name.into(),
            learned,
            scale: 1.0,
            logits: vec![vec![1.0, -1.0]],
        };
        let parts = [part("a", 1), part("b", 2), part("c", 3), part("d", 10)];
        let all = candidates(&parts, 2);
        assert_eq!(all.len(), 4 + 6 + 4);
        let found = all.iter().find(|candidate| candidate.name == "a+c+d").unwrap();
        assert_eq!((found.learned, &found.parts[..], &found.logits[0][..]), (14 / 3, &[0, 2, 3][..], &[1.0, -1.0][..]));
    }
}
