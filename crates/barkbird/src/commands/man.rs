//! `barkbird man`: manual pages, made from the definition of the commands.

use crate::cli::{Cli, ManArgs};
use crate::ui::Ui;
use anyhow::Result;
use clap::CommandFactory;
use clap_mangen::Man;
use pipeline::output;
use std::io::Write;

pub(super) fn run(args: &ManArgs, ui: &Ui) -> Result<()> {
    output::shared_folder(&args.dir)?;
    let pages = pages()?;
    for (name, page) in &pages {
        output::write(&args.dir.join(name), page)?;
    }
    ui.say(format!("wrote {} pages to {}", pages.len(), args.dir.display()));
    Ok(())
}

/// The name and the text of each page. Equal programs give equal bytes.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let mut waiting = vec![root];
    while let Some(command) = waiting.pop() {
        waiting.extend(command.get_subcommands().filter(|nested| !nested.is_hide_set()).cloned());
        pages.push(page(command)?);
    }
    pages.sort();
    Ok(pages)
}

fn page(command: clap::Command) -> Result<(String, Vec<u8>)> {
    let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.get_subcommands().any(|nested| !nested.is_hide_set());
    let man = Man::new(command).source(concat!("barkbird ", env!("CARGO_PKG_VERSION"))).manual("barkbird");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    notes(&mut page, &more)?;
    Ok((man.get_filename(), page))
}

/// What follows the options in `--help`. Indented lines stay as they are, paragraphs are filled.
fn notes(page: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    let mut as_it_is = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        if as_it_is != indented {
            as_it_is = indented;
            writeln!(page, "{}", if indented { ".PP\n.nf" } else { ".fi\n.PP" })?;
        }
        match line.strip_suffix(':').filter(|head| head.starts_with("Example")) {
            Some(head) => writeln!(page, ".SH {}", head.to_uppercase())?,
            None if line.is_empty() => writeln!(page, ".PP")?,
            // A dot or quote at the start of a line would be a request.
            None => writeln!(page, "\\&{}", line.replace('\\', "\\e").replace('-', "\\-"))?,
        }
    }
    if as_it_is { writeln!(page, ".fi") } else { Ok(()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_stay_and_paragraphs_are_filled() {
        let mut page = Vec::new();
        notes(&mut page, "Example:\n  barkbird a --b c\\d\n\nText.\n.More.").unwrap();
        let expected = ".SH EXAMPLE\n.PP\n.nf\n\\&  barkbird a \\-\\-b c\\ed\n.fi\n.PP\n.PP\n\\&Text.\n\\&.More.\n";
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }
}
