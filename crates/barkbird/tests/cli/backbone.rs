//! `backbone check`, in builds with the feature `onnx` and without.

use crate::common::Work;

#[test]
fn a_file_that_is_no_model_and_a_build_without_onnx() {
    let work = Work::new();
    std::fs::write(work.path("noise.onnx"), b"not an ONNX model").unwrap();
    let error = work.fails(&["backbone", "check", "noise.onnx"]);
    assert!(error.starts_with("error: noise.onnx: "), "{error}");
    let expected = match cfg!(feature = "onnx") {
        true => "read the ONNX file",
        false => "built without ONNX: build it with `cargo build --release --features onnx`",
    };
    assert!(error.contains(expected), "{error}");
    for command in [
        &["fit", "noise", "--backbone", "noise.onnx", "--out", "run"][..],
        &["features", "noise.csv", "--backbone", "noise.onnx", "--out", "features"],
    ] {
        work.ok(&["synth", "--out", "noise", "--clips", "8"]);
        std::fs::copy(work.path("noise/manifest.csv"), work.path("noise.csv")).unwrap();
        let error = work.fails(command);
        assert!(error.starts_with("error: noise.onnx: ") && error.contains(expected), "{error}");
    }
    assert!(work.ok(&["backbone", "check", "--help"]).contains("barkbird backbone check perch.onnx"));
}
