//! Licenses by the names that the hub has for them, and those of networks that models begin with.

use crate::error::{Result, bail};

/// What the hub lists a model as where no license is named.
pub(super) const UNKNOWN: &str = "unknown";

/// What the hub lists a license as that it has no name for.
pub(super) const OTHER: &str = "other";

/// Names of the hub (`docs/hub/repositories-licenses.md` of huggingface/hub-docs) that are SPDX identifiers in small letters, or begin
/// one.
const OF_THE_HUB: &[&str] = &[
    "apache-2.0",
    "mit",
    "afl-3.0",
    "artistic-2.0",
    "bsl-1.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsd-3-clause-clear",
    "c-uda-1.0",
    "cc0-1.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-2.0",
    "cc-by-nc-3.0",
    "cc-by-nc-4.0",
    "cc-by-nd-4.0",    // spelling: as written
    "cc-by-nc-nd-3.0", // spelling: as written
    "cc-by-nc-nd-4.0", // spelling: as written
    "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0",
    "cc-by-nc-sa-4.0",
    "cdla-sharing-1.0",
    "cdla-permissive-1.0",
    "cdla-permissive-2.0",
    "wtfpl",
    "ecl-2.0",
    "epl-1.0",
    "epl-2.0",
    "etalab-2.0",
    "eupl-1.1",
    "agpl-3.0",
    "gpl-2.0",
    "gpl-3.0",
    "lgpl-2.1",
    "lgpl-3.0",
    "isc",
    "lppl-1.3c",
    "ms-pl",
    "mpl-2.0",
    "odc-by-1.0",
    "odbl-1.0",
    "osl-3.0",
    "postgresql",
    "ofl-1.1",
    "ncsa",
    "unlicense",
    "zlib",
    "pddl-1.0",
    "openrail",
];

/// Names of the hub that have no version where SPDX has one.
const WITHOUT_VERSION: [(&str, &str); 4] =
    [("c-uda-1.0", "c-uda"), ("odc-by-1.0", "odc-by"), ("odbl-1.0", "odbl"), ("pddl-1.0", "pddl")];

/// A license as it was named, and as the hub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct License {
    /// As it was named; none where it was not.
    pub(super) named: Option<String>,
    /// `license` of the card.
    pub(super) of_hub: String,
}

impl License {
    /// The license of an SPDX identifier.
    ///
    /// # Errors
    /// What is no identifier.
    pub(super) fn of(named: Option<&str>) -> Result<Self> {
        let Some(named) = named else { return Ok(Self { named: None, of_hub: UNKNOWN.to_owned() }) };
        let is_one = named.starts_with(|c: char| c.is_ascii_alphanumeric())
            && named.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
        if !is_one {
            bail!(
                "--license {named:?}: expected an SPDX identifier, such as CC-BY-4.0 or Apache-2.0 (https://spdx.org/licenses)"
            );
        }
        let lower = named.to_ascii_lowercase();
        let plain = lower.strip_suffix("-only").or_else(|| lower.strip_suffix("-or-later")).unwrap_or(&lower);
        let short = WITHOUT_VERSION.iter().find(|(long, _)| *long == plain).map(|(_, short)| *short);
        let known = short.or_else(|| OF_THE_HUB.iter().find(|of| **of == plain).copied());
        Ok(Self { named: Some(named.to_owned()), of_hub: known.unwrap_or(OTHER).to_owned() })
    }
}

/// A network that a model began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// What it is called.
    pub(super) name: String,
    /// Its repository on the hub, where it came from there.
    pub(super) repository: Option<String>,
    /// Its license, where that is known.
    pub(super) license: Option<String>,
    /// What else has to be said.
    pub(super) note: &'static str,
}

/// Networks that are known by a part of their name: what they are, and the license that their makers state.
const KNOWN: [(&str, &str, &str); 5] = [
    ("yamnet", "YAMNet of Google", "Apache-2.0"),
    ("dinov2", "DINOv2 of Meta AI", "Apache-2.0"),
    ("deit", "DeiT of Meta AI", "Apache-2.0"),
    ("vit-", "a Vision Transformer of Google", "Apache-2.0"),
    ("ast-", "the Audio Spectrogram Transformer of MIT", "BSD-3-Clause"),
];

/// Owners on the hub whose networks of these names are those.
const OWNERS: [&str; 3] = ["facebook", "google", "MIT"];

impl Base {
    /// YAMNet, whose weights are in the model.
    pub(super) fn yamnet() -> Self {
        let [(_, name, license), ..] = KNOWN;
        Self {
            name: name.to_owned(),
            repository: None,
            license: Some(license.to_owned()),
            note: "its weights are in the model",
        }
    }

    /// Of the name that `--pretrained` was given: a repository with its commit, or a path, whose last part counts.
    pub(super) fn of_pretrained(pretrained: &str, is_repository: bool) -> Self {
        let named = pretrained.trim_end_matches(['/', '\\']).strip_prefix("hf:").unwrap_or(pretrained);
        let named = named.split('@').next().unwrap_or(named);
        let (owner, last) = named.rsplit_once(['/', '\\']).unwrap_or(("", named));
        let lower = last.to_ascii_lowercase();
        let known = KNOWN.iter().find(|(part, _, _)| lower.contains(part));
        let is_sure = is_repository && OWNERS.contains(&owner);
        let note = match (is_sure, known.is_some()) {
            (true, _) => "its weights were the start",
            (false, true) => {
                "its weights were the start; by the name of its folder, so compare with where it came from"
            }
            (false, false) => "its weights were the start",
        };
        Self {
            name: known.map_or_else(|| format!("`{last}`"), |(_, name, _)| format!("{name} (`{last}`)")),
            repository: is_repository.then(|| named.to_owned()),
            license: known.filter(|_| is_sure || !is_repository).map(|(_, _, license)| (*license).to_owned()),
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spdx_identifiers_become_names_of_the_hub() {
        let of_hub = |named: &str| License::of(Some(named)).unwrap().of_hub;
        for (named, expected) in [
            ("CC-BY-4.0", "cc-by-4.0"),
            ("Apache-2.0", "apache-2.0"),
            ("GPL-3.0-or-later", "gpl-3.0"),
            ("AGPL-3.0-only", "agpl-3.0"),
            ("ODbL-1.0", "odbl"),
            ("LicenseRef-mine", OTHER),
        ] {
            assert_eq!(of_hub(named), expected, "{named}");
        }
        assert_eq!(License::of(None).unwrap().of_hub, UNKNOWN);
        for wrong in ["", "my own license", "a\nb", "-x"] {
            assert!(License::of(Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_model_began_with() {
        let base = Base::of_pretrained("facebook/dinov2-small", true);
        assert_eq!(
            (base.repository.as_deref(), base.license.as_deref()),
            (Some("facebook/dinov2-small"), Some("Apache-2.0"))
        );
        let base = Base::of_pretrained("/home/ann/models/dinov2-small", false);
        assert_eq!((base.name.as_str(), base.repository), ("DINOv2 of Meta AI (`dinov2-small`)", None));
        assert!(base.note.contains("compare") && base.license.is_some());
        let base = Base::of_pretrained("acme/dinov2-bark@v1", true);
        assert_eq!((base.repository.as_deref(), base.license), (Some("acme/dinov2-bark"), None));
        assert_eq!(Base::of_pretrained("C:\\nets\\other", false).name, "`other`");
    }
}
