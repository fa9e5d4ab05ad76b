//! Arguments of `completions` and `man`.

use clap::Args;
use clap_complete::Shell;
use std::path::PathBuf;

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  barkbird completions bash > ~/.local/share/bash-completion/completions/barkbird\n  \
                        barkbird completions fish > ~/.config/fish/completions/barkbird.fish\n\ndocs/install.md has the places \
                        of the other shells."
)]
pub(crate) struct CompletionsArgs {
    /// Shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub(crate) shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  barkbird man ~/.local/share/man/man1\n\n`man barkbird` and `man barkbird-predict` then \
                        show them."
)]
pub(crate) struct ManArgs {
    /// Folder for the pages, barkbird.1 and one for each command
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}
