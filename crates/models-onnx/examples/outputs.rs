//! Runs an ONNX backbone over windows and writes what it computes.
//!
//!     outputs MODEL.onnx WINDOWS.f32 OUT.json [WINDOW_SAMPLES]
//!
//! WINDOWS.f32 holds windows one after the other, as little-endian 32-bit floats; WINDOW_SAMPLES is for models that take any
//! length.

use models_onnx::OnnxBackbone;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, windows, out, rest @ ..] = arguments.as_slice() else {
        return Err("usage: outputs MODEL.onnx WINDOWS.f32 OUT.json [WINDOW_SAMPLES]".into());
    };
    let backbone = OnnxBackbone::open(Path::new(model))?;
    let described = backbone.description().window_samples;
    let said = rest.first().map(|n| n.parse::<usize>()).transpose()?;
    let n_samples = described.or(said).ok_or("WINDOW_SAMPLES: the model takes any length")?;
    let bytes = std::fs::read(windows)?;
    let samples: Vec<f32> = bytes.chunks_exact(4).map(|of| f32::from_le_bytes([of[0], of[1], of[2], of[3]])).collect();
    let windows: Vec<&[f32]> = samples.chunks(n_samples).collect();
    let outputs = backbone.run(&windows)?;
    let json = serde_json::json!({
        "dim": outputs.dim,
        "embedding": outputs.embedding,
        "n_scores": outputs.n_scores,
        "scores": outputs.scores,
        "logits": outputs.logits,
    });
    std::fs::write(out, json.to_string())?;
    Ok(())
}
