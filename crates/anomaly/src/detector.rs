//! Every method behind one interface: settings that fit, and a fitted detector that scores.
//!
//! [`registry`](crate::registry) lists the detectors; the macro here makes [`Method`](crate::Method) and
//! [`Detector`](crate::Detector) of that list.

/// Makes the enums `Method` and `Detector` of lines `"name" (formerly "old name") => Fitted(Config),`.
macro_rules! detectors {
    ($($name:tt $((formerly $($old:tt),+))? => $Fitted:ident($Config:ident),)+) => {
        use serde::{Deserialize, Serialize};

        use crate::declaration::{Declaration, Given};
        use crate::error::{Error, Result};
        use crate::inputs::{Input, Inputs, Known};
        use crate::stored::Stored;

        /// A method with its settings. In JSON and TOML it is a table with `method` and the method's own settings:
        /// `{"method": "knn", "k": 5}`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Method {
            $(
                #[doc = concat!("Fits [`", stringify!($Fitted), "`](crate::", stringify!($Fitted), ").")]
                #[serde(rename = $name $($(, alias = $old)+)?)]
                $Fitted(crate::$Config),
            )+
        }

        /// Old names of methods that are still read, each with the name of today.
        pub(crate) const OLD_NAMES: &[(&str, &str)] = &[$($($(($old, $name),)+)?)+];

        impl Method {
            /// Every method with its default settings, and variants such as Mahalanobis on normalized rows, each with a
            /// name for tables.
            pub fn all() -> Vec<(&'static str, Method)> {
                let mut all = Vec::new();
                $(
                    all.push(($name, Method::$Fitted(Default::default())));
                    let variants = <crate::$Fitted as Declaration>::variants().into_iter();
                    all.extend(variants.map(|(name, config)| (name, Method::$Fitted(config))));
                )+
                all
            }

            /// The method's name, as in its settings.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Method::$Fitted(_) => $name,)+
                }
            }

            /// What the score is, in words, for tables.
            pub fn describe(&self) -> &'static str {
                match self {
                    $(Method::$Fitted(config) => <crate::$Fitted as Declaration>::describe(config),)+
                }
            }

            /// Which rows it needs.
            pub fn needs(&self) -> &'static [Input] {
                match self {
                    $(Method::$Fitted(_) => <crate::$Fitted as Declaration>::NEEDS,)+
                }
            }

            /// Whether it is fitted with labeled unknown sounds.
            pub fn needs_unknowns(&self) -> bool {
                match self {
                    $(Method::$Fitted(_) => <crate::$Fitted as Declaration>::NEEDS_UNKNOWNS,)+
                }
            }

            /// With so many classes: the method that ranks exactly as this one does, so that its figures are no separate
            /// result. With two classes the largest softmax probability at any temperature, entropy and generalized
            /// entropy are all monotone in |z₁ - z₂|.
            pub fn ranks_like(&self, n_classes: usize) -> Option<&'static str> {
                match self {
                    $(Method::$Fitted(config) => <crate::$Fitted as Declaration>::ranks_like(config, n_classes),)+
                }
            }

            /// Fits it.
            ///
            /// # Errors
            /// [`Error::Missing`] where `known` lacks rows that it [`needs`](Self::needs); otherwise as the `fit` of the
            /// method's own type.
            #[tracing::instrument(level = "debug", skip_all, fields(method = self.name()))]
            pub fn fit(&self, known: &Known<'_>) -> Result<Detector> {
                let given = Given::new(self.name(), &known.inputs);
                Ok(match self {
                    $(Method::$Fitted(config) => {
                        Detector::$Fitted(<crate::$Fitted as Declaration>::fit_given(&given, known, config)?)
                    })+
                })
            }
        }

        /// A fitted method. With serde it is the JSON of its [`Stored`] form.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(into = "Stored", try_from = "Stored")]
        pub enum Detector {
            $(
                #[doc = concat!("A fitted [`", stringify!($Fitted), "`](crate::", stringify!($Fitted), ").")]
                $Fitted(crate::$Fitted),
            )+
        }

        impl Detector {
            /// The method's name, as in its settings.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Detector::$Fitted(_) => $name,)+
                }
            }

            /// Scores of clips, `[M]`; higher is less like the known sounds.
            ///
            /// # Errors
            /// [`Error::Missing`] where `inputs` lacks rows that the method needs; rows of another width than those of
            /// the training clips.
            #[tracing::instrument(level = "debug", skip_all, fields(method = self.name()))]
            pub fn score(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>> {
                let given = Given::new(self.name(), inputs);
                match self {
                    $(Detector::$Fitted(fitted) => fitted.score_given(&given),)+
                }
            }

            /// Its arrays, and its settings with its name under `method`.
            pub fn to_tensors(&self) -> Stored {
                let mut stored = match self {
                    $(Detector::$Fitted(fitted) => fitted.to_tensors(),)+
                };
                stored.settings["method"] = self.name().into();
                stored
            }

            /// Reads what [`to_tensors`](Self::to_tensors) returned. Safe for arrays of any origin.
            ///
            /// # Errors
            /// An unknown method, or an array or a setting that is missing or wrong.
            pub fn from_tensors(stored: &Stored) -> Result<Self> {
                let method: Method = stored.settings()?;
                let mut own = stored.clone();
                if let Some(settings) = own.settings.as_object_mut() {
                    settings.remove("method");
                }
                Ok(match method {
                    $(Method::$Fitted(_) => Detector::$Fitted(crate::$Fitted::from_tensors(&own)?),)+
                })
            }
        }

        impl From<Detector> for Stored {
            fn from(detector: Detector) -> Self {
                detector.to_tensors()
            }
        }

        impl TryFrom<Stored> for Detector {
            type Error = Error;

            fn try_from(stored: Stored) -> Result<Self> {
                Detector::from_tensors(&stored)
            }
        }
    };
}

pub(crate) use detectors;
