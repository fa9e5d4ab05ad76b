//! Where models are put that are fetched by name, and where they are found.

use std::path::Path;

/// Files of weights that a folder of YAMNet may hold.
const YAMNET_FILES: [&str; 2] = ["model.safetensors", "yamnet.tflite"];

/// Whether a folder holds YAMNet's weights.
pub(crate) fn has_yamnet(folder: &Path) -> bool {
    YAMNET_FILES.iter().any(|name| storage::is_file(folder.join(name)))
}
