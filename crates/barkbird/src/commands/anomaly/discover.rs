//! todo
use crate::cli::{DiscoverArgs, Global};
use crate::ui::Ui;
use anyhow::Result;
pub(super) fn run(_args: &DiscoverArgs, _global: &Global, _ui: &Ui) -> Result<()> {
    anyhow::bail!("wip")
}
