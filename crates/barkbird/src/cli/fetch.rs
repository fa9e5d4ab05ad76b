use clap::Args;
use pipeline::fetch::What;
use std::path::PathBuf;

/// What `--help` ends with.
pub(super) const HELP: &str = "Examples:\n  barkbird fetch --list\n  barkbird fetch yamnet     (then `barkbird fit recordings --out run` \
     uses it)\n  barkbird fetch esc10 --out esc10\n  barkbird fetch esc50 --mirror \
     https://example.org/ESC-50-master.zip\n  barkbird fetch hf:facebook/dinov2-small --out dinov2\n\n\
     Address, size, license and what is verified are said before anything is downloaded. Interrupted, run \
     it again: it goes on where it was, if the server can send parts. What is complete is compared \
     with the published checksums; a run that finds it there compares it again and downloads nothing. \
     HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are obeyed, and HF_ENDPOINT, HF_TOKEN, HF_HOME, \
     HF_HUB_OFFLINE for the hub. DIR gets fetch.json: address, license, citation, checksums.";

/// Arguments of `fetch`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FetchArgs {
    /// esc50, esc10, yamnet, hf:OWNER/NAME (a model of the hub), or hf:datasets/OWNER/NAME
    #[arg(value_name = "NAME", required_unless_present = "list", value_parser = what)]
    pub(crate) what: Option<What>,
    /// Folder for it [default: a folder of its name for a data set, the cache for a model or repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Another address of the same file; of a repository, another hub
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// SHA-256 of the file at --mirror where it is not the published one; what is in it is not verified then
    #[arg(long, value_name = "HEX", requires = "mirror")]
    pub(crate) sha256: Option<String>,
    /// Branch, tag or commit of a repository
    #[arg(long, value_name = "NAME")]
    pub(crate) revision: Option<String>,
    /// Fetch a repository's files of formats that can run code, too (.bin, .pt, .pkl, ...)
    #[arg(long)]
    pub(crate) pickles: bool,
    /// Replace what was fetched before
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// List what has a name, with address, size and license
    #[arg(long, conflicts_with_all = ["what", "out", "mirror", "sha256", "revision", "pickles", "overwrite"])]
    pub(crate) list: bool,
}

fn what(text: &str) -> Result<What, String> {
    What::parse(text).map_err(|error| error.to_string())
}
