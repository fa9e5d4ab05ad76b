//! Known sounds and unknown sounds as points on a plane, to look at.

use crate::error::{Context, Result};
use anomaly::{Isomap, IsomapConfig, PrincipalAxes, Rows};
use inference::unknown::{Outputs, RowSource};
use report::{Cloud, scatter_svg};
use std::collections::BTreeMap;

/// What noises are shown as; their kinds by themselves would hide the rest.
const NOISES: &str = "synthetic";

/// Pictures by file name: principal axes and Isomap's plane, both of the training clips alone; all else is put onto them.
/// Of the backbone's embeddings where there is one, and of the classifier's.
pub(super) fn embedding(
    training: &Outputs,
    knowns: &BTreeMap<String, Outputs>,
    unknowns: &BTreeMap<String, Outputs>,
    classes: &[String],
) -> Result<Vec<(String, String)>> {
    let sources = [("classifier", RowSource::Classifier), ("backbone", RowSource::Backbone)];
    let mut pictures = Vec::new();
    for (whose, source) in
        sources.into_iter().filter(|(_, source)| *source == RowSource::Classifier || training.backbone.is_some())
    {
        let rows = rows(training, source)?;
        let axes = PrincipalAxes::fit(rows, 2)?;
        let isomap = Isomap::fit(rows, &IsomapConfig { n_components: 2, ..IsomapConfig::default() })?;
        let mut draw = |map: &str,
                        title: &str,
                        n_axes: usize,
                        transform: &dyn Fn(Rows<'_>) -> Result<Vec<f32>>|
         -> Result<()> {
            let mut clouds = Vec::new();
            for (nth, class) in classes.iter().enumerate() {
                for (split, table) in
                    std::iter::once(("training", training)).chain(knowns.iter().map(|(s, t)| (s.as_str(), t)))
                {
                    let of_class = table.subset(&table.rows(|key| key.class == Some(nth as u32)));
                    if !of_class.is_empty() {
                        clouds.push(cloud(format!("{class}, {split}"), &of_class, source, n_axes, true, transform)?);
                    }
                }
            }
            for (name, table) in unknowns.iter().filter(|(name, _)| is_shown(name)) {
                clouds.push(cloud(name.clone(), table, source, n_axes, false, transform)?);
            }
            let title = format!("{title} of the {whose}'s embeddings: discs are known, crosses are unknown sounds");
            pictures.push((format!("{map}-{whose}.svg"), scatter_svg(&title, &clouds)?));
            Ok(())
        };
        draw("principal", "Principal axes", axes.n_axes(), &|rows| Ok(axes.transform(rows)?))?;
        draw("isomap", "Isomap", isomap.n_components(), &|rows| Ok(isomap.transform(rows)?))?;
    }
    Ok(pictures)
}

fn is_shown(name: &str) -> bool {
    name == NOISES || synth::TestSound::ALL.iter().all(|kind| kind.name() != name)
}

fn rows(table: &Outputs, source: RowSource) -> Result<Rows<'_>> {
    table.inputs(source)?.embedding.context("no embeddings")
}

fn cloud(
    name: String,
    table: &Outputs,
    source: RowSource,
    n_axes: usize,
    is_known: bool,
    transform: &dyn Fn(Rows<'_>) -> Result<Vec<f32>>,
) -> Result<Cloud> {
    let keys = transform(rows(table, source)?)?;
    let point = |key: &[f32]| [key[0], key.get(1).copied().unwrap_or(0.0)];
    Ok(Cloud { name, points: keys.chunks_exact(n_axes).map(point).collect(), is_known })
}
