//! Choices that have a name on the command line, in files and in messages.

/// A choice among a few.
pub trait Named: Copy + Send + Sync + 'static {
    /// All of them: name, value, and what it is in one line.
    const ALL: &'static [(&'static str, Self, &'static str)];

    /// The name.
    fn name(self) -> &'static str;

    /// Names of older versions, which are still read.
    fn old_names(self) -> &'static [&'static str];
}

/// Defines an enum with a name and one line of help a variant; serde uses the same names.
macro_rules! named {
    (
        $(#[$outer:meta])*
        pub enum $type:ident { $( $(#[$inner:meta])* $variant:ident = $name:literal $(| $old:literal)*, $help:literal; )+ }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $type {
            $( #[doc = $help] #[serde(rename = $name $(, alias = $old)*)] $(#[$inner])* $variant, )+
        }

        impl $crate::named::Named for $type {
            const ALL: &'static [(&'static str, Self, &'static str)] = &[$(($name, Self::$variant, $help)),+];

            fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            fn old_names(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &[$($old),*], )+ }
            }
        }
    };
}
pub(crate) use named;
