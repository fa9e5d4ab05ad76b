use kernels::Compute;

/// What the loop cannot know by itself: how to compute, and what the model file has to contain.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHeader {
    /// Version of the program.
    pub version: String,
    /// Instructions and precision on the CPU.
    pub compute: Compute,
    /// Device, instructions and precision, as they are recorded in the model file. Resuming a run with others gives other
    /// bytes, which is a warning.
    pub compute_record: serde_json::Value,
    /// Configuration of the front end, as in the shards.
    pub front_end: serde_json::Value,
    /// Units of the spectrogram per decibel.
    pub unit_per_db: f32,
}
