//! Which clips the page shows: errors, doubts, unknown sounds that were accepted, examples.

use inference::unknown::ALPHA;
use report::{Evaluation, Prediction};
use std::collections::{BTreeMap, BTreeSet};

/// Clips of a kind at most.
const MOST: usize = 12;
/// Examples of all classes together, about.
const MOST_EXAMPLES: usize = 60;

/// Clips of one kind, by number of evaluation and of clip in it.
pub(super) struct Chosen {
    pub(super) title: String,
    pub(super) text: &'static str,
    pub(super) parts: Vec<(String, Vec<(usize, usize)>)>,
    /// Whether it is closed at first: less important.
    pub(super) is_folded: bool,
}

/// Chooses clips of evaluations; none is chosen twice. `per_class` is the number of examples of each class.
pub(super) fn choose(evaluations: &[Evaluation], classes: &[String], per_class: usize) -> Vec<Chosen> {
    let all: Vec<(usize, usize)> =
        evaluations.iter().enumerate().flat_map(|(e, of)| (0..of.predictions.len()).map(move |i| (e, i))).collect();
    let of = |&(e, i): &(usize, usize)| &evaluations[e].predictions[i];
    // An evaluation of features has p-values, but no figures of unknown sounds.
    let alpha =
        |&(e, _): &(usize, usize)| evaluations[e].metrics.unknown.as_ref().map_or(ALPHA, |unknown| unknown.alpha);
    let is_rejected = |at: &(usize, usize)| of(at).outlier_p.is_some_and(|p| p <= alpha(at));
    let is_wrong = |at: &(usize, usize)| of(at).class.is_some() && of(at).class != of(at).predicted();
    let mut used = BTreeSet::new();
    // The first of each group, until there are enough: clips of one recording look alike.
    let mut take = |mut candidates: Vec<(usize, usize)>, key: &dyn Fn(&Prediction) -> f64, most: usize| {
        candidates.sort_by(|a, b| key(of(a)).total_cmp(&key(of(b))));
        let mut groups = BTreeSet::new();
        let mut taken = Vec::new();
        for at in candidates {
            if taken.len() < most && !used.contains(&at) && groups.insert(group(of(&at)).to_owned()) {
                used.insert(at);
                taken.push(at);
            }
        }
        taken
    };
    let largest = |clip: &Prediction| clip.predicted().map_or(0.0, |class| clip.probability[class]);
    let filtered =
        |keep: &dyn Fn(&(usize, usize)) -> bool| all.iter().copied().filter(|at| keep(at)).collect::<Vec<_>>();
    let mut chosen = Vec::new();
    let mut add = |title: &str, text: &'static str, parts: Vec<(String, Vec<(usize, usize)>)>, is_folded: bool| {
        chosen.push(Chosen { title: title.to_owned(), text, parts, is_folded });
    };
    let errors = take(filtered(&is_wrong), &|clip| -largest(clip), MOST);
    let text = "The most confident errors first, one of each group. A wrong label in the data looks like an error too, so listen to the clips.";
    add("Misclassified clips", text, vec![(String::new(), errors)], false);
    let doubts = take(filtered(&|at| of(at).class.is_some() && !is_wrong(at)), &largest, MOST / 2);
    let text = "Classified correctly, with the lowest probability.";
    add("Least certain clips", text, vec![(String::new(), doubts)], false);
    let accepted = filtered(&|at| of(at).class.is_none() && of(at).outlier_p.is_some() && !is_rejected(at));
    let accepted = take(accepted, &|clip| -clip.outlier_p.unwrap_or(0.0), MOST);
    let text = "Unknown sounds that the detector takes for known ones, those with the highest p-value first.";
    add("Unknown sounds that are accepted", text, vec![(String::new(), accepted)], false);
    let rejected = take(
        filtered(&|at| of(at).class.is_some() && is_rejected(at)),
        &|clip| clip.outlier_p.unwrap_or(0.0),
        MOST / 2,
    );
    let text = "Clips of known classes that are answered with \u{201c}neither\u{201d}.";
    add("Known sounds that are rejected", text, vec![(String::new(), rejected)], false);
    let per_class = per_class.min((MOST_EXAMPLES / classes.len().max(1)).max(1));
    let examples = classes.iter().enumerate().map(|(class, name)| {
        let right = filtered(&|at| of(at).class == Some(class) && !is_wrong(at));
        (name.clone(), take(right, &|clip| -largest(clip), per_class))
    });
    let examples: Vec<_> = examples.filter(|(_, clips)| !clips.is_empty()).collect();
    add("Example clips", "Classified correctly, one of each group, the most certain first.", examples, false);
    // Any other clip of the evaluations: a point of the map or a cell of the matrix can be listened to as long as there is room.
    let mut rest: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    all.iter().filter(|at| !used.contains(at)).for_each(|at| rest.entry(at.0).or_default().push(*at));
    let parts = rest.into_iter().map(|(e, clips)| (evaluations[e].metrics.split.replace(',', ", "), clips)).collect();
    add("Further clips", "More clips of the evaluations, as many as there is room for.", parts, true);
    chosen.retain(|of| of.parts.iter().any(|(_, clips)| !clips.is_empty()));
    chosen
}

fn group(clip: &Prediction) -> &str {
    if clip.group.is_empty() { &clip.clip.path } else { &clip.group }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::{ClipPlace, Metrics};

    #[test]
    fn each_clip_is_in_one_gallery_and_each_group_once() {
        let clip = |name: &str, group: &str, class: Option<usize>, p: f64, outlier_p: f64| Prediction {
            clip: ClipPlace { path: name.into(), ..ClipPlace::default() },
            group: group.into(),
            class,
            probability: vec![1.0 - p, p],
            outlier_p: Some(outlier_p),
            ..Prediction::default()
        };
        let predictions = vec![
            clip("wrong", "g1", Some(0), 0.9, 0.5),
            clip("wrong too", "g1", Some(0), 0.95, 0.5),
            clip("doubt", "g2", Some(1), 0.51, 0.5),
            clip("accepted", "g3", None, 0.9, 0.7),
            clip("right", "g4", Some(1), 0.99, 0.7),
        ];
        let metrics: Metrics = serde_json::from_value(serde_json::json!({
            "n": 4, "accuracy": 0.5, "balanced_accuracy": 0.5, "split": "test",
            "unknown": {"method": "knn", "alpha": 0.05, "n_known": 4, "sets": {}},
        }))
        .unwrap();
        let evaluations = [Evaluation { metrics, predictions, temperature: None }];
        let chosen = choose(&evaluations, &["a".into(), "b".into()], 4);
        let titles: Vec<_> = chosen.iter().map(|of| of.title.as_str()).collect();
        assert_eq!(
            titles,
            ["Misclassified clips", "Least certain clips", "Unknown sounds that are accepted", "Further clips"]
        );
        // The surer one of the group; both right ones are among the least certain.
        assert_eq!(chosen[0].parts[0].1, [(0, 1)]);
        assert_eq!(chosen[1].parts[0].1, [(0, 2), (0, 4)]);
        assert_eq!(chosen[3].parts[0].1, [(0, 0)]);
    }
}
