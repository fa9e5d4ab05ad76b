use clap::Args;
use pipeline::fetch::What;
use std::path::PathBuf;

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
