//! Data sets and models by name, or repositories of the Hugging Face hub: downloaded, verified, unpacked safely.
//!
//! | | file | what happens |
//! | --- | --- | --- |
//! | 1 | `catalog.rs` | what has a name: address, size, license, checksums |
//! | 2 | `published.rs` | a published file or archive becomes a folder |
//! | 3 | `repository.rs` | files of a repository of the hub |
//! | 4 | `record.rs` | `fetch.json` in the folder: what it is, and what a later run compares it with |
//! | 5 | `place.rs` | where models are put, so that `fit` and `train` find them |

mod catalog;
#[cfg(feature = "hub")]
mod options;
#[cfg(feature = "hub")]
mod outcome;
mod place;
#[cfg(feature = "hub")]
mod published;
#[cfg(feature = "hub")]
mod record;
#[cfg(feature = "hub")]
mod repository;
#[cfg(feature = "hub")]
mod work;

pub use crate::cache_folder::folder_of;
pub use catalog::{Esc50, Form, Published, catalog};
#[cfg(feature = "hub")]
pub use options::{Options, What};
#[cfg(feature = "hub")]
pub use outcome::Outcome;
pub(crate) use place::has_yamnet;

#[cfg(feature = "hub")]
use crate::error::Result;
#[cfg(feature = "hub")]
use crate::job::Job;

/// Fetches a data set or a model, or finds that it is there and as it was. Says address, size, license, what is verified and the
/// folder before anything is downloaded.
///
/// # Errors
/// A name that is not known, a folder with something else, a server that does not give the file, a file or archive that is not
/// what was published, no space, or a stop that was asked for.
#[cfg(feature = "hub")]
#[tracing::instrument(level = "info", name = "fetch", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    match &options.what {
        What::Published(published) => published::fetch(published, options, job),
        What::Repository { name, is_dataset } => repository::fetch(name, *is_dataset, options, job),
    }
}

#[cfg(all(test, feature = "hub"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_the_catalog_or_a_repository() {
        let name = |text: &str| match What::parse(text) {
            Ok(What::Published(published)) => published.name,
            Ok(What::Repository { name, is_dataset }) => format!("{name} {is_dataset}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(name("esc10"), "esc10");
        assert_eq!(name("hf:google/vit"), "google/vit false");
        assert_eq!(name("hf:datasets/ashraq/esc50"), "ashraq/esc50 true");
        assert_eq!(name("esc"), "esc: expected one of esc50, esc10, yamnet or a repository, hf:OWNER/NAME");
        for wrong in ["hf:", "hf:vit", "hf:a/b/c", "hf:datasets/a", "hf:/b"] {
            assert!(name(wrong).contains("expected hf:OWNER/NAME"), "{wrong}");
        }
    }

    #[test]
    fn what_is_published_has_whole_checksums_and_stable_addresses() {
        for published in catalog() {
            let all: Vec<String> = match &published.form {
                Form::Model { sha256, .. } => vec![sha256.clone()],
                Form::Esc50(data) => {
                    vec![data.table_sha256.clone(), data.kept_table_sha256.clone(), data.md5s_sha256.clone()]
                }
            };
            assert!(all.iter().all(|sha256| hub::is_sha256(sha256)), "{}", published.name);
            // A commit, so that the address never gives another file.
            let is_commit = |part: &str| part.len() >= 40 && part[..40].bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(published.url.split('/').any(is_commit), "{}", published.url);
        }
    }
}
