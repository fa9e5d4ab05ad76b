/// How `mel` is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MelDtype {
    /// Four bytes a value, exact.
    #[default]
    F32,
    /// Two bytes a value, rounded to the nearest; a magnitude above 65504 is an error.
    F16,
}
