//! Arguments that name a configuration.

use super::values::parse_set;
use clap::Args;
use std::path::PathBuf;

/// Configuration: a file and single keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML); the resolved one is written beside the results
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// One key of the configuration, such as front_end.hop=256 (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_set)]
    pub(crate) set: Vec<(String, String)>,
}

impl From<&ConfigArgs> for pipeline::config::ConfigSource {
    fn from(args: &ConfigArgs) -> Self {
        Self { file: args.config.clone(), set: args.set.clone() }
    }
}
