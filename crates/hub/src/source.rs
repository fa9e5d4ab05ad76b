use crate::error::Error;
use crate::retry::{N_ATTEMPTS, PAUSE, pause};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The hub of Hugging Face.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// The branch that every repository has.
pub const DEFAULT_REVISION: &str = "main";

/// What a repository contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepoKind {
    /// A model.
    #[default]
    Model,
    /// A data set.
    Dataset,
}

/// Which repository, from which hub, into which cache.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// The repository, `owner/name`.
    pub repo: String,
    /// Whether it is that of a model or of a data set.
    pub kind: RepoKind,
    /// Branch, tag or commit. Only a commit (40 hex digits) always gives the same bytes.
    pub revision: String,
    /// Access token for private and gated repositories. It is sent to the endpoint only.
    pub token: Option<String>,
    /// The folder of all repositories' folders.
    pub cache: PathBuf,
    /// The hub or a mirror of it, an URL.
    pub endpoint: String,
    /// Use the cache only and open no connection.
    pub offline: bool,
    /// How many attempts in a row may fail without any new bytes before the last error is returned, at least 1.
    pub n_attempts: u32,
    /// Pause after the first failed attempt; it doubles with each further one.
    pub pause: Duration,
}

impl Source {
    /// `repo` at the branch `main` of the hub, without a token, into `cache`.
    pub fn new(repo: impl Into<String>, cache: impl Into<PathBuf>) -> Self {
        Self {
            repo: repo.into(),
            kind: RepoKind::Model,
            revision: DEFAULT_REVISION.into(),
            token: None,
            cache: cache.into(),
            endpoint: DEFAULT_ENDPOINT.into(),
            offline: false,
            n_attempts: N_ATTEMPTS,
            pause: PAUSE,
        }
    }

    /// `repo` with the settings of the environment variables, which are read here and nowhere else (the HTTP client
    /// itself reads those of the proxy). A `cache` that is given is used instead of the variables' one.
    ///
    /// | variable | sets |
    /// | --- | --- |
    /// | `HF_ENDPOINT` | the endpoint |
    /// | `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `HF_HOME` and its `hub`, else `XDG_CACHE_HOME`, else the home folder | the cache |
    /// | `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else the `token` in `HF_HOME`; none with `HF_HUB_DISABLE_IMPLICIT_TOKEN` | the token |
    /// | `HF_HUB_OFFLINE` (1, true, yes, on) | offline |
    ///
    /// # Errors
    /// [`Error::NoCache`] if nothing names a folder for the cache.
    pub fn from_environment(repo: impl Into<String>, cache: Option<&Path>) -> Result<Self, Error> {
        Self::from_variables(repo, cache, |name| std::env::var(name).ok())
    }

    /// An empty variable counts as not set.
    fn from_variables(
        repo: impl Into<String>,
        cache: Option<&Path>,
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let read = |name| read(name).filter(|value| !value.trim().is_empty());
        let folder = |name| read(name).map(PathBuf::from);
        let home = folder("HF_HOME").or_else(|| {
            let user = || folder("HOME").or_else(|| folder("USERPROFILE")).map(|user| user.join(".cache"));
            Some(folder("XDG_CACHE_HOME").or_else(user)?.join("huggingface"))
        });
        let named = || folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let in_home = || home.as_ref().map(|home| home.join("hub"));
        let cache = cache.map(Path::to_owned).or_else(named).or_else(in_home).ok_or(Error::NoCache)?;
        let file = || folder("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")));
        let token = match read("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            Some(_) => None,
            None => read("HF_TOKEN").or_else(|| std::fs::read_to_string(file()?).ok()),
        };
        let yes = |value: String| ["1", "true", "yes", "on"].contains(&value.trim().to_lowercase().as_str());
        Ok(Self {
            token: token.map(|token| token.trim().to_string()).filter(|token| !token.is_empty()),
            endpoint: read("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.into()),
            offline: read("HF_HUB_OFFLINE").is_some_and(yes),
            ..Self::new(repo, cache)
        })
    }

    /// How long to wait after the `n_failed`th failed attempt in a row; `None` if there is none after it.
    pub(crate) fn pause_after(&self, error: &Error, n_failed: u32) -> Option<Duration> {
        let again = error.is_transient() && n_failed < self.n_attempts;
        again.then(|| pause(self.pause, n_failed, error.retry_after()))
    }

    /// Owner and name, after everything that becomes part of a path or a header is known to be harmless.
    pub(crate) fn checked(&self) -> Result<(&str, &str), Error> {
        let plain = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && part.chars().all(known) && !part.starts_with('.') && !part.contains("--")
        };
        let parts = self.repo.split_once('/').filter(|(owner, name)| plain(owner) && plain(name));
        let Some(parts) = parts else {
            let expected = "owner/name, of letters, digits and .-_ (no --)";
            return Err(Error::Invalid { what: "repository", expected, got: self.repo.clone() });
        };
        if !is_plain_path(&self.revision) {
            let expected = "a branch, a tag or a commit";
            return Err(Error::Invalid { what: "revision", expected, got: format!("{:?}", self.revision) });
        }
        if let Some(token) = &self.token
            && (token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            // hf-hub would send nothing at all.
            let got = format!("{} characters, some of which are not", token.chars().count());
            return Err(Error::Invalid { what: "token", expected: "visible ASCII characters", got });
        }
        Ok(parts)
    }
}

/// Shows whether there is a token, not which.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("repo", &self.repo)
            .field("kind", &self.kind)
            .field("revision", &self.revision)
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("offline", &self.offline)
            .field("n_attempts", &self.n_attempts)
            .field("pause", &self.pause)
            .finish()
    }
}

/// Whether an untrusted name stays below the folder that it is joined to, on any system.
pub(crate) fn is_plain_path(name: &str) -> bool {
    let below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let parts = name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    below && parts && !name.chars().any(|c| c.is_control() || "\\:".contains(c))
}

/// Whether a revision is a full commit hash, whose meaning never changes.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], cache: Option<&Path>) -> Result<Source, Error> {
        Source::from_variables("acme/vit", cache, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_string())
        })
    }

    fn of(variables: &[(&str, &str)]) -> Source {
        read(variables, None).unwrap()
    }

    #[test]
    fn without_a_home_the_cache_is_not_the_current_folder() {
        let error = read(&[("HOME", "")], None).unwrap_err().to_string();
        assert!(error.contains("--cache") && error.contains("HF_HOME"), "{error}");
        assert_eq!(read(&[], Some(Path::new("/mine"))).unwrap(), Source::new("acme/vit", "/mine"));
        assert_eq!(of(&[("HF_HUB_CACHE", "/a")]).token, None);
    }

    #[test]
    fn nothing_set_is_the_hub_and_the_home_folder() {
        let expected = Source::new("acme/vit", "/home/me/.cache/huggingface/hub");
        assert_eq!(of(&[("HOME", "/home/me"), ("HF_TOKEN", ""), ("HF_ENDPOINT", " ")]), expected);
    }

    #[test]
    fn the_nearer_variable_names_the_cache() {
        let all =
            [("HF_HUB_CACHE", "/a"), ("HUGGINGFACE_HUB_CACHE", "/b"), ("HF_HOME", "/c"), ("XDG_CACHE_HOME", "/d")];
        for (skip, cache) in ["/a", "/b", "/c/hub", "/d/huggingface/hub"].into_iter().enumerate() {
            assert_eq!(of(&all[skip..]).cache, Path::new(cache));
        }
    }

    #[test]
    fn a_token_comes_from_a_variable_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).token, None);
        std::fs::write(dir.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).token.unwrap(), "hf_file");
        assert_eq!(of(&[("HF_HOME", home), ("HF_TOKEN", "hf_own")]).token.unwrap(), "hf_own");
        let disabled = [("HF_HOME", home), ("HF_TOKEN", "hf_own"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert_eq!(of(&disabled).token, None);
    }

    #[test]
    fn offline_has_four_spellings() {
        for yes in ["1", "true", "YES", "On"] {
            assert!(of(&[("HOME", "/me"), ("HF_HUB_OFFLINE", yes)]).offline, "{yes}");
        }
        for no in ["", "0", "false", "no", "off"] {
            assert!(!of(&[("HOME", "/me"), ("HF_HUB_OFFLINE", no)]).offline, "{no}");
        }
    }

    #[test]
    fn what_would_leave_the_cache_is_refused() {
        let repo = |repo: &str| Source::new(repo, "/cache").checked().is_ok();
        assert!(repo("google/vit-base-patch16-224_in21k.v2"));
        for hostile in ["", "vit", "/vit", "a/", "a/b/c", "../vit", "a/..", "a/.b", "a b/c", "a/b\\c", "a--b/c", "a/ü"]
        {
            assert!(!repo(hostile), "{hostile:?}");
        }
        for name in ["main", "refs/pr/1", "v1.0", "onnx/model.safetensors", "a..b"] {
            assert!(is_plain_path(name), "{name:?}");
        }
        for hostile in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\\b", "c:d", "a\nb"] {
            assert!(!is_plain_path(hostile), "{hostile:?}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let mut source = Source::new("acme/vit", "/cache");
        source.token = Some("hf_secret\n".into());
        assert!(!format!("{source:?}").contains("secret"));
        let error = source.checked().unwrap_err().to_string();
        assert_eq!(error, "token: expected visible ASCII characters, got 10 characters, some of which are not");
    }
}
