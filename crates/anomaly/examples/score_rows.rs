//! Fits every detector on rows of a safetensors file and writes the scores of others: for `scripts/check-anomaly.sh`.
//!
//!     cargo run --release -p anomaly --example score_rows -- ROWS SCORES
//!
//! ROWS holds F32 `train` [N, D], `train_logits` [N, C], `train_backbone` [N, K], `unknowns` [S, D], `test` [M, D],
//! `test_logits` [M, C], `test_backbone` [M, K] and `label` [N]. SCORES gets `score.NAME` [M], and whatever was fitted as
//! `fitted.NAME.ARRAY`.
use std::collections::BTreeMap;
use std::error::Error;

use anomaly::metrics::figures;
use anomaly::{
    Autoencoder, AutoencoderConfig, Detector, Inputs, Isomap, IsomapConfig, Keep, Known, Labels, LatentRegions,
    LatentRegionsConfig, LogisticFusion, Method, PcaResidualConfig, RankMean, Rows, Stored, Training, VimConfig,
};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize_to_file};

type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(rows), Some(scores)) = (arguments.next(), arguments.next()) else {
        return Err("usage: score_rows ROWS SCORES".into());
    };
    let given = read(&rows)?;
    let rows = |name: &str| -> Result<Rows<'_>, Box<dyn Error>> {
        let (shape, values) = given.get(name).ok_or_else(|| format!("{rows}: no {name}"))?;
        Ok(Rows::new(values, shape[shape.len() - 1])?)
    };
    let labels: Vec<u32> = rows("label")?.values().iter().map(|&label| label as u32).collect();
    let n_classes = rows("train_logits")?.n_columns();
    let inputs = |set: &str| -> Result<Inputs<'_>, Box<dyn Error>> {
        Ok(Inputs {
            embedding: Some(rows(set)?),
            logits: Some(rows(&format!("{set}_logits"))?),
            backbone_scores: Some(rows(&format!("{set}_backbone"))?),
            cells: Some(rows(set)?),
        })
    };
    let unknowns = Inputs { embedding: Some(rows("unknowns")?), ..Inputs::default() };
    let known = Known { inputs: inputs("train")?, labels: Labels::new(&labels, n_classes)?, unknowns };
    let test = inputs("test")?;

    let mut out = Arrays::new();
    let mut lists = Vec::new();
    for (name, method) in methods() {
        let detector = method.fit(&known)?;
        let scores = detector.score(&test)?;
        let stored = detector.to_tensors();
        assert_eq!(Detector::from_tensors(&stored)?.score(&test)?, scores, "{name}: stored and read again");
        keep(&mut out, name, &scores, &stored);
        lists.push(scores);
    }
    let isomap = Isomap::fit(rows("train")?, &isomap_config(usize::MAX))?;
    let places = isomap.transform(rows("test")?)?;
    out.insert("isomap.places".into(), (vec![places.len() / isomap.n_components(), isomap.n_components()], places));

    // Training from known weights: all rows in every batch, so that their order does not matter.
    let n = rows("train")?.n_rows();
    for n_steps in [0, 20] {
        let training = Training { n_steps, batch_size: n, ..Training::default() };
        let config = AutoencoderConfig { widths: vec![24, 6], training: training.clone() };
        let fitted = Autoencoder::fit(rows("train")?, &config)?;
        keep(&mut out, &format!("autoencoder.{n_steps}"), &fitted.score(rows("test")?)?, &fitted.to_tensors());
        let config = LatentRegionsConfig { widths: vec![24, 6], training, ..Default::default() };
        let fitted = LatentRegions::fit(rows("train")?, known.labels, &config)?;
        keep(&mut out, &format!("latent_regions.{n_steps}"), &fitted.score(rows("test")?)?, &fitted.to_tensors());
    }

    // The second half of the test rows as unknown sounds.
    let m = lists[0].len();
    let is_unknown: Vec<bool> = (0..m).map(|i| i >= m / 2).collect();
    let two: Vec<&[f64]> = vec![&lists[4], &lists[7]];
    let fusion = LogisticFusion::fit(&two, &is_unknown, &Default::default())?;
    keep(&mut out, "logistic_fusion", &fusion.score(&two)?, &fusion.to_tensors());
    let ranks = RankMean::fit(&two)?;
    keep(&mut out, "rank_mean", &ranks.score(&two)?, &ranks.to_tensors());
    let measured = figures(&lists[4][..m / 2], &lists[4][m / 2..])?;
    let measured = vec![measured.auroc as f32, measured.aupr as f32, measured.fpr95 as f32];
    out.insert("metrics".into(), (vec![3], measured));

    let views: Result<Vec<(String, TensorView<'_>)>, Box<dyn Error>> = out
        .iter()
        .map(|(name, (shape, values))| {
            let bytes: &[u8] = bytemuck::cast_slice(values);
            Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
        })
        .collect();
    serialize_to_file(views?, None, scores.as_ref())?;
    Ok(())
}

/// The methods with settings that the reference has too.
fn methods() -> Vec<(&'static str, Method)> {
    let mut methods = Method::all();
    for (_, method) in &mut methods {
        match method {
            Method::Vim(config) => *config = VimConfig { keep: Keep::Components(10) },
            Method::PcaResidual(config) => *config = PcaResidualConfig { keep: Keep::Components(10) },
            Method::Isomap(config) => *config = isomap_config(usize::MAX),
            _ => {}
        }
    }
    methods
}

fn isomap_config(n_landmarks: usize) -> IsomapConfig {
    IsomapConfig { n_neighbors: 10, n_components: 3, n_landmarks, k: 5, seed: 0 }
}

fn keep(out: &mut Arrays, name: &str, scores: &[f64], stored: &Stored) {
    let scores: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
    out.insert(format!("score.{name}"), (vec![scores.len()], scores));
    for (array, tensor) in &stored.tensors {
        out.insert(format!("fitted.{name}.{array}"), (tensor.shape.clone(), tensor.values.clone()));
    }
}

fn read(path: &str) -> Result<Arrays, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let file = SafeTensors::deserialize(&bytes)?;
    let array = |(name, view): (String, TensorView<'_>)| {
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        (name, (view.shape().to_vec(), values))
    };
    Ok(file.tensors().into_iter().map(array).collect())
}
