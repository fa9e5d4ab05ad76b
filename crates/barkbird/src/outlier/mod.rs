//! What is neither: detectors of strangers beside a classifier, from clips to the model's file and back.
//!
//! A [`table::Table`] holds what the classifier and a [`trunk::Trunk`] make of clips. [`lineup`] names the ways to tell a
//! stranger; [`fitted::Fitted`] is one of them, fitted; [`stored::Outlier`] is what a model's file keeps.

pub(crate) mod choice;
pub(crate) mod fitted;
pub(crate) mod lineup;
pub(crate) mod stored;
pub(crate) mod table;
pub(crate) mod trunk;
