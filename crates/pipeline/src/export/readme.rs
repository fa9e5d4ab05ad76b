//! How a graph is used, for who gets the folder.

use super::parity::Differences;
use export_onnx::{About, Begin};

/// The text.
pub(super) fn text(about: &About, differences: &Differences, n: usize) -> String {
    let classes = about.classes.join(", ");
    let shape = about.input_shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let input = match about.begin {
        Begin::Waveform => format!(
            "mono samples of windows of {} s at {} Hz, full scale at 1. Resample recordings to this rate first. A window that the \
             sound does not fill is filled as `clip` in model.json says; the level is set inside",
            about.window_s, about.sample_rate_hz
        ),
        Begin::Spectrogram => "spectrograms of the front end in model.json, not normalized".to_owned(),
    };
    let (mut rows, mut unknown) = (String::new(), String::new());
    if let Some(detector) = &about.detector {
        rows = format!(
            "| `unknown_score` | [batch, 1] | score of unknown sounds by the detector `{detector}`: higher is less like the known sounds |\n\
             | `p_value` | [batch, 1] | share of known sounds that are at least as unusual |\n"
        );
        let alpha = about.alpha.unwrap_or(0.05);
        unknown = format!(
            "A window whose `p_value` is at most {alpha} is an unknown sound, whatever its most probable class.\n\n"
        );
    }
    let left_out = match &about.left_out[..] {
        [] => String::new(),
        all => format!(
            "Not in the graph:\n\n{}\n\n",
            all.iter().map(|what| format!("- {what}")).collect::<Vec<_>>().join("\n")
        ),
    };
    format!(
        "# {classes}: an ONNX graph\n\n\
         Made by {program} from a model with SHA-256 {sha256}. Operations of opset 17, none of them a Fourier transform; the batch may have \
         any size.\n\n\
         | | shape | |\n| --- | --- | --- |\n\
         | input `inputs` | [batch, {shape}] | {input} |\n\
         | `probabilities` | [batch, {n_classes}] | of {classes}, calibrated |\n\
         | `embedding` | [batch, {dim}] | what the network makes of a window |\n{rows}\n\
         {unknown}{left_out}\
         The metadata `sample_rate`, `sample_duration`, `classes`, `class_outputs_key` and `embedding_outputs_key` are those that \
         OpenSoundscape's `ONNXModel` reads; `barkbird` has all of model.json.\n\n\
         ```python\n\
         import numpy, onnxruntime\n\
         from safetensors.numpy import load_file\n\n\
         session = onnxruntime.InferenceSession(\"model.onnx\")\n\
         parity = load_file(\"parity.safetensors\")\n\
         names = [output.name for output in session.get_outputs()]\n\
         for name, got in zip(names, session.run(None, {{\"inputs\": parity[\"inputs\"]}})):\n\
         \x20   print(name, numpy.abs(got - parity[name]).max())\n\
         ```\n\n\
         This is the check that was made when the graph was written: on {n} windows (made sounds, and recordings where some were named) its probabilities differ from the model's by at most \
         {difference:.1e}.\n",
        program = about.program,
        sha256 = about.model_sha256,
        n_classes = about.classes.len(),
        dim = about.embedding_dim,
        difference = differences.probabilities,
    )
}
