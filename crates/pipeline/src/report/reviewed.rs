//! What people answered about detections.

use crate::error::Result;
use crate::inputs;
use crate::review::{OfClass, OfTable, precision, read};
use report::{Section, Table};
use std::path::{Path, PathBuf};

/// The precision of each class by the answers of reviews, and of the whole table where it is given; none without any answer.
pub(super) fn section(reviews: &[PathBuf], table: Option<&Path>) -> Result<Option<Section>> {
    let mut all = Vec::new();
    for path in reviews {
        all.extend(read(path)?);
    }
    let rows = table.map(|table| inputs::detections(table, None)).transpose()?;
    let of_classes = precision(&all, rows.as_deref());
    if of_classes.is_empty() {
        return Ok(None);
    }
    let row = |of: &OfClass| {
        let OfClass { class, n, right, precision, interval, more, table } = of;
        let mut cells = vec![class.clone(), n.to_string(), right.to_string(), format!("{precision:.3}")];
        if let Some(OfTable { n, interval, more }) = table {
            cells.extend([n.to_string(), written(interval), more.to_string()]);
        }
        cells.extend([written(interval), more.to_string()]);
        cells
    };
    let mut columns = vec!["predicted", "answers", "right", "precision"];
    let mut text = Vec::new();
    if let Some(table) = table {
        columns.extend([
            "in table",
            "95 % interval, this table",
            "more answers for 5 points to either side, this table",
        ]);
        text.push(format!(
            "This table: the share of all detections of {} that are right, by the answers about them; exact (hypergeometric), whatever \
             the detections have in common. It says nothing of other recordings.",
            table.file_name().unwrap_or_default().to_string_lossy()
        ));
    }
    columns
        .extend(["95 % interval, recordings to come", "more answers for 5 points to either side, recordings to come"]);
    text.push(
        "Recordings to come: the precision in recordings that are like these; exact (Clopper-Pearson), taking detections as \
         independent. Both take answers as drawn at random from the detections: answers in an order by score do not say how many of \
         all are right."
            .into(),
    );
    Ok(Some(Section {
        title: "Reviewed detections".into(),
        text,
        table: Some(Table {
            caption: String::new(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            rows: of_classes.iter().map(row).collect(),
        }),
        ..Section::default()
    }))
}

fn written([low, high]: &[f64; 2]) -> String {
    format!("{low:.3} to {high:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_table_both_intervals_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let answer = |start: usize| format!("a.wav,{start},{},,dog,,,,dog,,\n", start + 1);
        let answers: String = (0..10).map(answer).collect();
        std::fs::write(path("r.csv"), detections::review::header() + &answers).unwrap();
        let rows: String = (0..12).map(|start| format!("a.wav,{start},{},dog,0.9\n", start + 1)).collect();
        std::fs::write(path("d.csv"), format!("path,start,end,label,score\n{rows}")).unwrap();
        let alone = section(&[path("r.csv")], None).unwrap().unwrap();
        let alone = alone.table.unwrap();
        assert_eq!(alone.rows, [["dog", "10", "10", "1.000", "0.692 to 1.000", "69"].map(str::to_owned).to_vec()]);
        let both = section(&[path("r.csv")], Some(&path("d.csv"))).unwrap().unwrap();
        assert!(both.text[0].contains("d.csv"));
        let both = both.table.unwrap();
        assert_eq!(both.columns.len(), both.rows[0].len());
        assert_eq!(both.rows[0][4..6], ["12", "0.917 to 1.000"]);
        assert!(section(&[], None).unwrap().is_none());
    }
}
