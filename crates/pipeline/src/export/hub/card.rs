//! The model card: metadata, and what a reader has to know before using the model.

use super::facts::{Facts, Graph};
use super::front_matter::front_matter;
use super::index::{TASK, metrics, model_index};
use super::license::OTHER;
use super::limits::limits;
use super::measured;
use super::words::{at_most, counted, escaped, grouped, hz, listed, table};
use crate::download::MODEL_TYPE;
use features::Kind;
use inference::Chain;
use serde_json::{Value, json};

/// Where the repository is that nobody has named.
const NO_REPOSITORY: &str = "OWNER/NAME";

/// The whole card.
pub(super) fn card(facts: &Facts) -> String {
    let sections = [
        about(facts),
        usage(facts),
        measured::figures(facts),
        measured::recorder_bias(facts),
        measured::unknown_sounds(facts),
        limits(facts),
        data(facts),
        license(facts),
        files(facts),
    ];
    metadata(facts) + &sections.concat()
}

fn metadata(facts: &Facts) -> String {
    let index = model_index(facts);
    let mut tags = vec!["barkbird", "bioacoustics", "sound-classification", "safetensors"];
    if facts.graph.is_ok() {
        tags.push("onnx");
    }
    let mut fields = vec![("license", json!(facts.license.of_hub))];
    if facts.license.of_hub == OTHER {
        fields.push(("license_name", json!(facts.license.named)));
        fields.push(("license_link", json!("LICENSE")));
    }
    fields.extend([("library_name", json!(MODEL_TYPE)), ("pipeline_tag", json!(TASK)), ("tags", json!(tags))]);
    let bases: Vec<&String> = facts.bases.iter().filter_map(|base| base.repository.as_ref()).collect();
    if !bases.is_empty() {
        fields.push(("base_model", json!(bases)));
    }
    if let Some(dataset) = &facts.dataset {
        fields.push(("datasets", json!([dataset])));
    }
    let metrics = metrics(index.as_ref());
    if !metrics.is_empty() {
        fields.push(("metrics", json!(metrics)));
    }
    if let Some(index) = index {
        fields.push(("model-index", index));
    }
    front_matter(&fields)
}

/// Classes in words, as they may stand in a sentence.
pub(super) fn classes(facts: &Facts) -> String {
    listed(&facts.classes.iter().map(|class| escaped(class)).collect::<Vec<_>>())
}

/// Lowest and highest frequency that a front end lets through, in hertz.
pub(super) fn band_hz(chain: &Chain) -> [f64; 2] {
    let half = f64::from(chain.clip.sample_rate_hz) / 2.0;
    let [low, high] = match &chain.spectrogram.kind {
        Kind::LogMel(of) => [of.mel.f_min_hz, of.mel.f_max_hz.unwrap_or(half)],
        Kind::Pcen(of) => [of.mel.f_min_hz, of.mel.f_max_hz.unwrap_or(half)],
        Kind::Mfcc(of) => [of.mel.f_min_hz, of.mel.f_max_hz.unwrap_or(half)],
        Kind::Stft(_) => [0.0, half],
    };
    [low, high.min(half)]
}

/// Seconds of a window of the first network, by which a recording is cut.
pub(super) fn window_s(facts: &Facts) -> f64 {
    facts.networks.first().map_or(0.0, |network| network.chain.clip.window.seconds)
}

fn about(facts: &Facts) -> String {
    let unknown = match &facts.detector {
        Some(_) => ", and says `neither` where a sound is unlike all of them",
        None => "; it has no detector of unknown sounds, so that every sound is given one of these names",
    };
    let mut rows = Vec::new();
    for network in &facts.networks {
        let chain = &network.chain;
        let [low, high] = band_hz(chain);
        rows.push(vec!["Network".into(), escaped(&network.what)]);
        let heard = match &chain.onnx {
            Some(_) => String::new(),
            None => format!(", {} to {}", hz(low), hz(high)),
        };
        rows.push(vec![
            "Input".into(),
            format!(
                "windows of {} s, one channel at {}; {}{heard}",
                chain.clip.window.seconds,
                hz(f64::from(chain.clip.sample_rate_hz)),
                escaped(&chain.describe())
            ),
        ]);
    }
    rows.push(vec!["Parameters".into(), grouped(facts.n_parameters as u64)]);
    if let Some(detector) = &facts.detector {
        rows.push(vec!["Unknown sounds".into(), format!("detector `{}`", detector.name)]);
    }
    rows.push(vec!["Made with".into(), format!("barkbird {}", escaped(&facts.version))]);
    format!(
        "\n# {}\n\nTells {} apart in windows of {} s of sound{unknown}.\n\n{}",
        escaped(&facts.name),
        classes(facts),
        window_s(facts),
        table(&["", ""], &rows)
    )
}

fn usage(facts: &Facts) -> String {
    let repository = facts.repository.as_deref().unwrap_or(NO_REPOSITORY);
    let mut text = format!(
        "## How to use it\n\nWith barkbird, which fetches it once and keeps it in the cache of Hugging Face:\n\n```text\n\
         barkbird predict {repository} recordings/ --out detections.csv\n\
         barkbird predict {repository} night.wav --events          (windows joined to events)\n\
         barkbird serve {repository}                               (a page in the browser)\n```\n\n"
    );
    match &facts.graph {
        Ok(graph) => text += &in_python(graph, repository, facts),
        Err(why) => text += &format!("There is no ONNX graph of it: {}.\n\n", escaped(why)),
    }
    let network = if facts.networks.len() == 1 { facts.networks[0].what.as_str() } else { "" };
    let kind = [("convolutional", "cnn"), ("Vision", "vit"), ("YAMNet", "yamnet")];
    if let Some((_, kind)) = kind.iter().find(|(part, _)| network.contains(part)) {
        text += &format!(
            "As the start of a model for other classes, on spectrograms of the same front end:\n\n```text\n\
             barkbird features manifest.csv --like {repository} --out features\n\
             barkbird train {kind} --features features --pretrained {repository} --out run\n```\n\n"
        );
    }
    text
}

/// Any sound file at the right rate, window by window.
fn in_python(graph: &Graph, repository: &str, facts: &Facts) -> String {
    let padding = facts.networks.first().map(|network| network.chain.clip.window.padding);
    let filled = match padding {
        Some(audio_io::Padding::Repeat) | None => "numpy.resize(mono[start : start + n], n)",
        Some(_) => "numpy.pad(mono[start : start + n], (0, max(0, start + n - len(mono))))",
    };
    let unknown = match graph.has_p_value {
        true => "    if outputs[\"p_value\"][nth, 0] <= about[\"alpha\"]:\n        label = \"neither\"\n",
        false => "",
    };
    let left_out = match &graph.left_out[..] {
        [] => String::new(),
        all => format!(" Not in the graph: {}.", all.iter().map(|what| escaped(what)).collect::<Vec<_>>().join("; ")),
    };
    format!(
        "In any other program by `onnx/model.onnx`, whose probabilities differ from barkbird's by at most {} (measured on {}).{left_out} \
         In Python, with `pip install huggingface_hub numpy onnxruntime soundfile`:\n\n```python\n\
         import json\n\
         import numpy, onnxruntime, soundfile\n\
         from huggingface_hub import snapshot_download\n\n\
         folder = snapshot_download(\"{repository}\")\n\
         about = json.load(open(f\"{{folder}}/onnx/model.json\"))\n\
         samples, rate = soundfile.read(\"recording.wav\", dtype=\"float32\", always_2d=True)\n\
         assert rate == about[\"sample_rate_hz\"], f\"resample the recording to {{about['sample_rate_hz']}} Hz first\"\n\
         mono = samples.mean(axis=1)\n\
         n = about[\"input_shape\"][1]  # samples of a window\n\
         windows = [{filled} for start in range(0, len(mono), n)]\n\
         session = onnxruntime.InferenceSession(f\"{{folder}}/onnx/model.onnx\")\n\
         names = [output.name for output in session.get_outputs()]\n\
         outputs = dict(zip(names, session.run(None, {{\"inputs\": numpy.stack(windows)[:, None]}})))\n\
         for nth, probabilities in enumerate(outputs[\"probabilities\"]):\n\
         \x20   label = about[\"classes\"][probabilities.argmax()]\n\
         {unknown}\
         \x20   print(f\"{{nth * n / rate:.1f}} s: {{label}} ({{probabilities.max():.3f}})\")\n```\n\n",
        at_most(f64::from(graph.difference)),
        counted(graph.compared, "window"),
    )
}

fn data(facts: &Facts) -> String {
    let named = facts
        .collection_name
        .as_deref()
        .unwrap_or("Recordings of whoever made the model; the collection was given no name");
    let mut text = format!("## The data\n\n{}", escaped(named));
    text += &match &facts.dataset {
        Some(dataset) => {
            format!(": the data set [{dataset}](https://huggingface.co/datasets/{dataset}) of the hub.\n\n")
        }
        None => ".\n\n".to_owned(),
    };
    let stated = measured::fitted_to(&facts.split);
    match &facts.collection {
        Some(collection) => {
            let row = |(class, of): &(String, super::collection::OfClass)| {
                let minutes =
                    |seconds: f64| if seconds > 0.0 { format!("{:.1}", seconds / 60.0) } else { "–".into() };
                let cells = |count: &super::collection::Count| {
                    [grouped(count.clips as u64), grouped(count.groups.len() as u64), minutes(count.seconds)]
                };
                let mut row = vec![escaped(class)];
                row.extend(cells(&of.fitted));
                row.extend(cells(&of.measured));
                row
            };
            let rows: Vec<Vec<String>> = collection.classes.iter().map(row).collect();
            text += &table(
                &["Class", "Clips learned from", "Groups", "Minutes", "Clips held out", "Groups", "Minutes"],
                &rows,
            );
            text += "A group is one recording, animal or session; clips learned from are those of training and of validation. ";
            if let Some((clips, groups)) = stated {
                let listed = collection.n_fitted();
                text += &format!("The model was fitted to {} of {}", counted(clips, "clip"), counted(groups, "group"));
                text += &match listed > clips {
                    true => format!("; the other {} in the table are copies, or could not be used.", listed - clips),
                    false => ".".to_owned(),
                };
            }
            text += "\n\n";
            if !collection.licenses.is_empty() {
                let of = |(license, n): (&String, &usize)| format!("{} ({n})", escaped(license));
                let all: Vec<String> = collection.licenses.iter().map(of).collect();
                text += &format!("Licenses that are stated for recordings learned from: {}.\n\n", all.join(", "));
            }
        }
        None => {
            text += &match stated {
                Some((clips, groups)) => {
                    format!("The model was fitted to {} of {}; ", counted(clips, "clip"), counted(groups, "group"))
                }
                None => String::new(),
            };
            text += "how many there were of each class was not at hand when this card was written.\n\n";
        }
    }
    text
}

fn license(facts: &Facts) -> String {
    let mut text = "## License\n\n".to_owned();
    text += &match &facts.license.named {
        Some(named) if facts.license.of_hub == OTHER => {
            format!("{named}: see the file LICENSE, which whoever publishes this folder adds to it.\n\n")
        }
        Some(named) => format!("{named}, by the choice of who published it.\n\n"),
        None => "Unknown: who exported this model named none. Without a license nobody but its maker may use it in most countries.\n\n"
            .to_owned(),
    };
    for base in &facts.bases {
        let license =
            base.license.as_deref().map_or("license unknown".to_owned(), |license| format!("license {license}"));
        text += &format!("- {}: {}; {}.\n", base.name, escaped(&license), base.note);
    }
    if !facts.bases.is_empty() {
        text.push('\n');
    }
    text
}

fn files(facts: &Facts) -> String {
    let mut rows = vec![
        ["`model.safetensors`", "weights, classes, calibration and detector: all that barkbird needs"],
        ["`config.json`", "what the model is, for people and programs"],
    ];
    if facts.graph.is_ok() {
        rows.push(["`onnx/model.onnx`", "samples in, probabilities out"]);
        rows.push(["`onnx/model.json`", "what a user of the graph has to know"]);
        rows.push(["`onnx/parity.safetensors`", "inputs and what the model makes of them, to check the graph by"]);
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(str::to_owned).to_vec()).collect();
    let known = match facts.n_known {
        0 => String::new(),
        n => format!(
            "`model.safetensors` holds an embedding of {}, with which answers are compared: numbers, and no sound. ",
            counted(n, "training clip")
        ),
    };
    let paths = match facts.n_removed {
        None => "The paths of training recordings are in it (`--private`).",
        Some(0) => "It never held a path of the machine that it was made on.",
        Some(_) => {
            "Paths of the machine that it was made on were taken out; training recordings have a class and a number in their place."
        }
    };
    format!("## Files\n\n{}{known}{paths}\n", table(&["File", "What"], &rows))
}

/// `config.json`.
pub(super) fn config(facts: &Facts, header: &classifier::ModelHeader, sha256: &str) -> Value {
    let ids: Vec<(usize, &String)> = facts.classes.iter().enumerate().collect();
    let to_label: serde_json::Map<String, Value> =
        ids.iter().map(|(nth, class)| (nth.to_string(), json!(class))).collect();
    let to_id: serde_json::Map<String, Value> = ids.iter().map(|(nth, class)| ((*class).clone(), json!(nth))).collect();
    json!({
        "model_type": MODEL_TYPE,
        "library_name": MODEL_TYPE,
        "schema": "hub/1",
        "barkbird_version": facts.version,
        "num_labels": facts.classes.len(),
        "id2label": to_label,
        "label2id": to_id,
        "sampling_rate": facts.networks.first().map(|network| network.chain.clip.sample_rate_hz),
        "window_s": window_s(facts),
        "architecture": header.architecture,
        "front_end": header.front_end,
        "temperature": header.calibration.map(|calibration| calibration.temperature),
        "detector": facts.detector.as_ref().map(|detector| json!({ "name": detector.name, "alpha": detector.alpha })),
        "model_sha256": sha256,
    })
}
