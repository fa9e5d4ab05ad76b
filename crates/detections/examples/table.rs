//! Writes three verdicts as CSV and reads them back.

use detections::{CsvWriter, Thresholds, Verdict, read_csv};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let classes = ["bird".to_owned(), "dog".to_owned()];
    let mut writer = CsvWriter::new(Vec::new(), &classes, Thresholds { unsure_below: 0.6, alpha: 0.05 })?;
    for (nth, (p_dog, outlier_p)) in [(0.9, 0.7), (0.55, 0.4), (0.8, 0.01)].into_iter().enumerate() {
        let probability = vec![1.0 - p_dog, p_dog];
        let (start_s, outlier_p) = (nth as f64, Some(outlier_p));
        writer.write(&Verdict { path: "night.wav".into(), start_s, probability, outlier_p, ..Verdict::default() })?;
    }
    let labels: Vec<String> = read_csv(&writer.finish()?[..])?.rows.into_iter().map(|row| row.label).collect();
    assert_eq!(labels, ["dog", "unsure", "neither"]);
    Ok(())
}
