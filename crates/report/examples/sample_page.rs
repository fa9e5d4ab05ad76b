//! Writes pages and pictures with made-up numbers into a folder, to look at while working on them:
//! `cargo run --release -p report --example sample_page -- FOLDER`. Without a folder nothing is written.

use std::error::Error;
use std::f64::consts::TAU;
use std::path::PathBuf;

use report::{
    Axes, ClassMetrics, ClipPlace, Cloud, Epoch, Example, Findings, Gallery, LineFigure, Metrics, RunReport, Section,
    SoundCard, Table, render, render_findings, scatter_svg, spectrogram_png,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let bare = RunReport { epochs: Vec::new(), commands: Vec::new(), ..run("yamnet-probe", 0.5)? };
    let runs = [run("cnn-small", 0.5)?, run("cnn-base", 1.0)?, bare];
    let files: [(&str, Vec<u8>); 5] = [
        ("one.html", render("barkbird: one made-up run", &runs[..1])?.into()),
        ("several.html", render("barkbird: made-up runs", &runs)?.into()),
        ("findings.html", render_findings(&findings()?)?.into()),
        ("spectrogram.png", spectrogram("Žluťoučký kůň/соловей/αηδόνι/鳥-0001.wav", 128)?),
        (
            "scatter.svg",
            scatter_svg("Principal axes of embeddings: discs are known sounds, crosses unknown", &clouds())?.into(),
        ),
    ];
    for (name, bytes) in files {
        assert!(!bytes.is_empty(), "{name}");
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

fn clouds() -> Vec<Cloud> {
    let points = |n: usize, x: f32, y: f32| {
        (0..n)
            .map(|i| (i as f32, 1.0 + i as f32 % 7.0))
            .map(|(t, r)| [x + r * (1.3 * t).cos(), y + r * t.sin()])
            .collect()
    };
    let cloud = |name: &str, n, x, y, is_known| Cloud { name: name.into(), points: points(n, x, y), is_known };
    vec![
        cloud("bird, training", 90, 0.0, 0.0, true),
        cloud("dog, training", 70, 12.0, 5.0, true),
        cloud("bird, test", 20, 1.0, 1.0, true),
        cloud("rain", 40, 6.0, -8.0, false),
        cloud("cats & donkeys", 40, -9.0, 9.0, false),
    ]
}

fn findings() -> Result<Findings, Box<dyn Error>> {
    let figure = |name: &str, value, interval, alarm| LineFigure {
        name: name.into(),
        value,
        interval,
        chance: 0.5,
        note: "Bandwidth alone separates dog from bird. Typical: dog 7.8 kHz, bird 21 kHz.".into(),
        alarm,
    };
    let sound = |path: &str| -> Result<SoundCard, Box<dyn Error>> {
        let (verdict, note) = ("labeled dog, predicted bird".into(), "0.0 to 5.0 s".into());
        Ok(SoundCard { verdict, note, path: path.into(), png: spectrogram(path, 431)?, sound: wav() })
    };
    let table = Table {
        caption: "The same sound twice".into(),
        columns: ["Recording", "Copy", "Overlap"].map(String::from).to_vec(),
        rows: vec![["dog/a.wav", "bird/a-copy.mp3", "0.0 to 4.2 s"].map(String::from).to_vec(); 3],
    };
    let figures = vec![figure("bandwidth", 0.906, [0.762, 0.976], true), figure("length", 0.55, [0.41, 0.68], false)];
    Ok(Findings {
        title: "Doctor: manifest.csv".into(),
        summary: vec!["Bandwidth alone separates dog from bird.".into(), "3 recordings are damaged.".into()],
        warnings: vec!["Without groups, leaks by session were not checked.".into()],
        sections: vec![
            Section {
                title: "Shortcuts".into(),
                text: vec!["In the recordings.".into()],
                figures,
                ..Section::default()
            },
            Section { title: "Duplicates".into(), table: Some(table), ..Section::default() },
            Section {
                title: "Doubtful labels".into(),
                sounds: vec![sound("a.wav")?, sound("b.wav")?],
                ..Section::default()
            },
        ],
    })
}

fn run(name: &str, learning: f64) -> Result<RunReport, Box<dyn Error>> {
    let class = |support, recall, precision, f1| ClassMetrics { precision, recall, f1, support, auroc: Some(0.93) };
    let metrics = Metrics {
        split: "test".into(),
        n: 51,
        n_groups: 29,
        n_unknowns: 12,
        accuracy: 0.863,
        balanced_accuracy: 0.862,
        macro_f1: 0.861,
        per_class: [("bird".into(), class(26, 0.923, 0.828, 0.873)), ("dog".into(), class(25, 0.8, 0.909, 0.851))]
            .into(),
        classes: vec!["bird".into(), "dog".into()],
        confusion: vec![vec![24, 2], vec![5, 20]],
        auroc: Some(0.93),
        ece: 0.07,
        loss: 0.37,
        intervals: [
            ("accuracy".into(), [0.76, 0.95]),
            ("balanced_accuracy".into(), [0.755, 0.948]),
            ("macro_f1".into(), [0.75, 0.946]),
            ("auroc".into(), [0.85, 0.99]),
            ("ece".into(), [0.03, 0.14]),
            ("recall_bird".into(), [0.8, 1.0]),
            ("recall_dog".into(), [0.62, 0.95]),
        ]
        .into(),
        ..Metrics::default()
    };
    let example = |class: &str, predicted: &str, i: usize| -> Result<Example, Box<dyn Error>> {
        let path = format!("{class}/recording-{i:04}.wav");
        let (png, sound) = (spectrogram(&path, 100 * i + 31)?, wav());
        let (truth, predicted) = (Some(class.into()), predicted.into());
        let clip = ClipPlace { path, span_s: Some([0.0, 5.0]), channel: (i == 2).then_some(1) };
        let probability = 0.99 - 0.07 * i as f64;
        Ok(Example { clip, truth, predicted, probability, png, sound, ..Example::default() })
    };
    let gallery = |title: &str, parts| Gallery { title: title.into(), parts, ..Gallery::default() };
    let errors = vec![example("dog", "bird", 4)?, example("bird", "dog", 5)?];
    let birds = vec![example("bird", "bird", 1)?, example("bird", "bird", 2)?];
    let examples = vec![("bird".into(), birds), ("dog".into(), vec![example("dog", "dog", 3)?])];
    let facts = [
        ("Device", "CPU, 2 threads"),
        ("Seed", "0"),
        ("Precision", "f32"),
        ("Spectrogram", "log-mel, 128 bands, 22050 Hz"),
    ];
    Ok(RunReport {
        name: name.into(),
        classes: vec!["bird".into(), "dog".into()],
        n_parameters: 412_706,
        n_backbone_parameters: (learning < 1.0).then_some(3_195_456),
        facts: facts.map(|(name, value)| (name.into(), value.into())).to_vec(),
        epochs: (0..40).map(|i| epoch(i, learning)).collect(),
        evaluations: vec![
            metrics.clone().into(),
            Metrics { split: "field".into(), balanced_accuracy: 0.71, ..metrics }.into(),
        ],
        galleries: vec![
            gallery("Misclassified clips", vec![(String::new(), errors)]),
            gallery("Example clips", examples),
        ],
        commands: vec![
            "barkbird features manifest.csv --out features".into(),
            "barkbird train cnn --features features --out run".into(),
        ],
        skipped: vec![("dog/broken.wav".into(), "header only: no sound in it".into())],
        warnings: vec!["9 groups only: the intervals are rough, and likely too narrow".into()],
        sentences: Vec::new(),
        sections: vec![Section { title: "Stress tests".into(), table: Some(stress_tests()), ..Section::default() }],
        ..RunReport::default()
    })
}

/// Made figures of a model under other conditions.
fn stress_tests() -> Table {
    let row = |condition: &str, figure: &str| vec![condition.into(), figure.into()];
    Table {
        caption: "balanced accuracy of the same clips under other conditions".into(),
        columns: vec!["condition".into(), "balanced accuracy".into()],
        rows: vec![row("rate_8k", "0.831 [0.702, 0.930]"), row("noise_0db", "0.784 [0.655, 0.892]")],
    }
}

fn epoch(i: u32, learning: f64) -> Epoch {
    let t = f64::from(i);
    let wobble = 0.02 * (1.7 * t).sin();
    let train = 0.05 + 0.6 * (-0.15 * learning * t).exp();
    let val = train + 0.08 + 0.008 * learning * (t - 12.0).max(0.0) + wobble;
    let accuracy = 1.0 - 0.45 * val.min(1.0) + wobble / 2.0;
    Epoch {
        epoch: u64::from(i) + 1,
        step: 20 * (u64::from(i) + 1),
        lr: 5e-4 * (1.0 + (TAU / 2.0 * t / 40.0).cos()),
        train_loss: train + 0.12 - wobble,
        train_loss_eval: Some(train),
        val_loss: Some(val),
        val_accuracy: Some(accuracy),
        val_balanced_accuracy: Some(accuracy - 0.02),
        seconds: 1.5,
    }
}

/// A few sweeps over noise, 128 bands.
fn spectrogram(title: &str, n_frames: usize) -> Result<Vec<u8>, report::Error> {
    let n_bands = 128;
    let value = |band: usize, frame: usize| {
        let noise = ((band * 7919 + frame * 104_729) % 1013) as f32 / 1013.0;
        let line = 40.0 + 25.0 * (frame as f32 / 9.0).sin();
        let near =
            (-(band as f32 - line).powi(2) / 12.0).exp() + 0.6 * (-(band as f32 - 2.0 * line).powi(2) / 12.0).exp();
        -70.0 - 8.0 * noise + 65.0 * near.min(1.0)
    };
    let mel: Vec<f32> = (0..n_bands).flat_map(|band| (0..n_frames).map(move |frame| value(band, frame))).collect();
    let band_hz = (0..n_bands).map(|i| 700.0 * ((i as f32 + 1.0) / 128.0 * 2.82).exp() - 700.0).collect();
    let axes = Axes { seconds: n_frames as f64 * 512.0 / 22_050.0, band_hz, title: title.into(), unit: "Hz".into() };
    spectrogram_png(&mel, n_bands, n_frames, &axes)
}

/// Half a second of 440 Hz at 8 kHz, 8 bits.
fn wav() -> Vec<u8> {
    let samples: Vec<u8> =
        (0..4000).map(|i| (128.0 + 60.0 * (TAU * 440.0 * f64::from(i) / 8000.0).sin()) as u8).collect();
    let mut file = b"RIFF".to_vec();
    file.extend(36_u32.wrapping_add(samples.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}
