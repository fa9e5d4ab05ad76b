//! Fits a detector on known clips, calibrates it, and tests whether a new clip is an unknown sound.
use anomaly::conformal::{Conformal, Form};
use anomaly::{Inputs, KnnConfig, Known, Labels, Method, Rows};

fn main() -> Result<(), anomaly::Error> {
    // Embeddings of two classes, each along an axis of its own.
    let clip = |i: usize| if i.is_multiple_of(2) { [5.0, (i as f32).sin()] } else { [(i as f32).cos(), 5.0] };
    let rows = |range: std::ops::Range<usize>| range.flat_map(clip).collect::<Vec<f32>>();
    let (training, validation) = (rows(0..60), rows(60..120));
    let labels: Vec<u32> = (0..60).map(|i| i % 2).collect();
    let inputs =
        |values| Ok::<_, anomaly::Error>(Inputs { embedding: Some(Rows::new(values, 2)?), ..Inputs::default() });

    let known = Known { inputs: inputs(&training)?, labels: Labels::new(&labels, 2)?, unknowns: Inputs::default() };
    let detector = Method::Knn(KnnConfig::default()).fit(&known)?;
    let recordings: Vec<usize> = (0..60).map(|i| i / 2).collect();
    let conformal = Conformal::fit(&detector.score(&inputs(&validation)?)?, &recordings, Form::Weighted)?;

    let scores = detector.score(&inputs(&[5.0, 0.1, -4.0, -4.0])?)?;
    let p_values: Vec<f64> = scores.into_iter().map(|score| conformal.p_value(score)).collect();
    assert!(p_values[0] > 0.05 && p_values[1] <= 0.05, "known, unknown: {p_values:?}");
    Ok(())
}
