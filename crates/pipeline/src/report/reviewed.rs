//! What people answered about detections.

use crate::error::Result;
use crate::review::{OfClass, precision, read};
use report::{Section, Table};
use std::path::PathBuf;

/// The precision of each class by the answers of reviews; none without any.
pub(super) fn section(reviews: &[PathBuf]) -> Result<Option<Section>> {
    let mut all = Vec::new();
    for path in reviews {
        all.extend(read(path)?);
    }
    let of_classes = precision(&all);
    if of_classes.is_empty() {
        return Ok(None);
    }
    let row = |of: &OfClass| {
        let OfClass { class, n, right, precision, interval: [low, high], more } = of;
        let interval = format!("{low:.3} to {high:.3}");
        vec![class.clone(), n.to_string(), right.to_string(), format!("{precision:.3}"), interval, more.to_string()]
    };
    let columns =
        ["predicted", "answers", "right", "precision", "95 % interval", "more answers for 5 points to either side"];
    Ok(Some(Section {
        title: "Reviewed detections".into(),
        text: vec![
            "Precision by the answers of people: exact intervals (Clopper-Pearson), which take answers as independent and as drawn at \
             random from the detections."
                .into(),
        ],
        table: Some(Table {
            caption: String::new(),
            columns: columns.map(str::to_owned).to_vec(),
            rows: of_classes.iter().map(row).collect(),
        }),
        ..Section::default()
    }))
}
