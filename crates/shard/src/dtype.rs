/// How `mel` is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MelDtype {
    /// Four bytes a value, exact.
    #[default]
    F32,
    /// Two bytes a value, rounded to the nearest; a magnitude above 65504 is an error.
    F16,
}

impl MelDtype {
    /// Bytes of a value.
    pub(crate) fn n_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// As in the container.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::F32, Self::F16].into_iter().find(|dtype| dtype.name() == name)
    }
}
