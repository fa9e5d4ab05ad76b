/// A labeled clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Row of the clip in the spectrograms.
    pub row: u32,
    /// Index into [`Data::classes`](crate::Data::classes).
    pub class: u32,
}
