//! Answers of a review as rows of a manifest. The file is append-only, so that nothing is lost: the last answer about a part of
//! a recording counts, and one that was taken back is a row with an empty label. `detections::review` writes such files.

use std::collections::HashMap;

use crate::labels;
use crate::manifest::{Manifest, Row};
use crate::warning::Warning;

/// The columns by which a table is known as a review.
const COLUMNS: [&str; 2] = ["reviewer", "predicted"];

/// What stands before a class in the answer that a sound is not of this class.
const NOT: char = '-';

/// Whether a table with these columns is a review.
pub(crate) fn is_review(names: &[&str]) -> bool {
    COLUMNS.iter().all(|column| names.iter().any(|name| name.trim().eq_ignore_ascii_case(column)))
}

/// The part of a recording that an answer is about, by the bits of its seconds.
fn key(row: &Row) -> (&str, Option<u64>, Option<u64>, Option<u16>) {
    (&row.path, row.start_s.map(f64::to_bits), row.end_s.map(f64::to_bits), row.channel)
}

/// Keeps the last answer about each part, in the order of first answers. With `labeled`, answers that were taken back or say only
/// what a sound is not are left out.
pub(crate) fn settle(mut manifest: Manifest, labeled: bool) -> Manifest {
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut last: Vec<usize> = Vec::new();
    for (nth, row) in manifest.rows.iter().enumerate() {
        let place = *places.entry(key(row)).or_insert_with(|| {
            last.push(nth);
            last.len() - 1
        });
        last[place] = nth;
    }
    let answers: Vec<&Row> = last.iter().map(|&nth| &manifest.rows[nth]).filter(|row| !row.label.is_empty()).collect();
    let is_kept = |row: &&&Row| !labeled || (!row.label.starts_with(NOT) && labels::refusal(&row.label).is_none());
    let rows: Vec<Row> = answers.iter().filter(is_kept).map(|row| (*row).clone()).collect();
    let n_rows = answers.iter().filter(|row| row.label.starts_with(NOT)).count();
    if labeled && n_rows > 0 {
        manifest.warnings.push(Warning::OnlyNot { n_rows });
    }
    manifest.rows = rows;
    manifest
}

/// Why nothing can be learned from a review; none where something can.
pub(crate) fn refusal(manifest: &Manifest) -> Option<String> {
    manifest.rows.is_empty().then(|| "a review without an answer that names a class or `neither`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str, labeled: bool) -> crate::Result<Manifest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reviews.csv");
        std::fs::write(
            &path,
            format!("path,start,end,channel,label,reviewer,time,model,predicted,score,outlier_p\n{rows}"),
        )
        .unwrap();
        if labeled { Manifest::read_csv(&path) } else { Manifest::read_csv_unlabeled(&path) }
    }

    #[test]
    fn the_last_answer_counts_and_one_can_be_taken_back() {
        let rows = "a.wav,0,3,,dog,me,t,m,dog,0.9,\na.wav,3,6,,neither,me,t,m,dog,0.6,0.01\na.wav,0,3,,bird,you,t,m,dog,0.9,\n\
                    b.wav,0,3,0,dog,me,t,m,dog,0.7,\nb.wav,0,3,0,,me,t,m,dog,0.7,\nb.wav,0,3,1,-dog,me,t,m,dog,0.7,\n";
        let manifest = read(rows, true).unwrap();
        let labels: Vec<&str> = manifest.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["bird", "neither"]);
        assert_eq!(manifest.rows[0].start_s, Some(0.0));
        assert_eq!(manifest.warnings, [Warning::OnlyNot { n_rows: 1 }]);
        assert_eq!(read(rows, false).unwrap().rows.len(), 3);
    }

    #[test]
    fn a_review_that_teaches_nothing_is_refused() {
        let error = read("a.wav,0,3,,-dog,me,t,m,dog,0.9,\n", true).unwrap_err().to_string();
        assert!(error.contains("without an answer that names a class"), "{error}");
    }
}
