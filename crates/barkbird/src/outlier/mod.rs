//! What is neither: detectors of unknown sounds beside a classifier, from clips to the model's file and back.
//!
//! A [`table::Table`] holds what the classifier and a [`backbone::Backbone`] make of clips. [`methods`] names the ways to tell a
//! unknown sound; [`fitted::Fitted`] is one of them, fitted; [`stored::Outlier`] is what a model's file keeps.

pub(crate) mod backbone;
pub(crate) mod choice;
pub(crate) mod fitted;
pub(crate) mod methods;
pub(crate) mod stored;
pub(crate) mod table;
