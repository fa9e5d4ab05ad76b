//! Who watches recordings being classified, and how that is stopped.

/// Asked and told by several threads.
pub struct Watch<'a> {
    /// Whether to stop; asked before each recording, and again and again in a long one.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told how many more seconds of sound were classified.
    pub classified: &'a (dyn Fn(f64) + Sync),
}

impl Default for Watch<'_> {
    fn default() -> Self {
        Self { stop: &|| false, classified: &|_| {} }
    }
}
