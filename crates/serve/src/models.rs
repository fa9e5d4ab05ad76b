//! The models that can be asked, by name.

use crate::problem::{Answer, Problem};
use crate::worker::Worker;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// All models; more come as they are trained.
#[derive(Default)]
pub(crate) struct Models(RwLock<Vec<Arc<Worker>>>);

impl Models {
    pub(crate) fn all(&self) -> Vec<Arc<Worker>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Adds a model, and gives the name that it has then: its own, or with a number behind it where another model has that.
    pub(crate) fn add(&self, mut worker: Worker) -> String {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let wanted = worker.about.name.clone();
        let is_free = |name: &String| all.iter().all(|worker| worker.about.name != *name);
        let numbered = (2..).map(|n: usize| format!("{wanted}-{n}"));
        let name = std::iter::once(wanted.clone()).chain(numbered).find(is_free).unwrap_or_default();
        worker.about.name.clone_from(&name);
        all.push(Arc::new(worker));
        name
    }

    /// Takes a model away. Who asks it at the moment is still answered.
    pub(crate) fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|worker| worker.about.name != name);
    }

    /// The model of a name; the first where none is named.
    ///
    /// # Errors
    /// No such model.
    pub(crate) fn get(&self, name: Option<&str>) -> Answer<Arc<Worker>> {
        let all = self.all();
        let found = match name {
            None => all.first(),
            Some(name) => all.iter().find(|worker| worker.about.name == name),
        };
        found.cloned().ok_or_else(|| match name {
            None => Problem::not_found("model: there is none yet; train one first"),
            Some(_) => Problem::not_found("model: no such model; GET /api/models lists them"),
        })
    }
}

/// How a run is called: by its folder, or a model file by its name or its folder's.
pub(crate) fn name_of(run: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned());
    let named = match run.file_name().is_some_and(|name| name == pipeline::MODEL_FILE) {
        true => run.parent().and_then(stem),
        false if run.extension().is_some_and(|extension| extension == "safetensors") => stem(run),
        false => run.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "model".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs() {
        for (run, name) in [
            ("runs/garden", "garden"),
            ("garden/model.safetensors", "garden"),
            ("a/wood.safetensors", "wood"),
            ("model.safetensors", "model"),
            ("run.v2/", "run.v2"),
        ] {
            assert_eq!(name_of(Path::new(run)), name);
        }
    }
}
