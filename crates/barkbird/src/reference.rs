//! The reference of all commands, made from their definition (`docs/commands.md`), and what shells complete by it.

use crate::cli::Cli;
use clap::{Arg, Command, CommandFactory};

/// The page.
pub(crate) fn markdown() -> String {
    let mut root = Cli::command().term_width(100);
    root.build();
    let mut page =
        "# Commands\n\nMade by `barkbird docs`; a test compares. `barkbird COMMAND --help` shows the same in a \
                    terminal.\n"
            .to_owned();
    page.push_str("\n## Global options\n\nEvery command takes these.\n\n");
    let global: Vec<&Arg> = root.get_arguments().filter(|arg| arg.is_global_set() && !arg.is_hide_set()).collect();
    table(&mut page, &global);
    let commands: Vec<&Command> =
        root.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help").collect();
    commands.iter().for_each(|command| section(&mut page, command, "barkbird"));
    page
}

/// The script by which a shell completes the words of a command line.
pub(crate) fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "barkbird", &mut script);
    script
}

fn section(page: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    page.push_str(&format!("\n## {name}\n\n{}.\n", text(command.get_about())));
    let mut nested = command.get_subcommands().filter(|c| c.get_name() != "help").peekable();
    if nested.peek().is_some() {
        nested.for_each(|command| section(page, command, &name));
        return;
    }
    let usage = command.clone().render_usage().to_string();
    page.push_str(&format!("\n```text\n{}\n```\n\n", usage.trim_start_matches("Usage: ")));
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help")
        .collect();
    table(page, &own);
    if let Some(after) = command.get_after_help() {
        page.push_str(&format!("\n```text\n{}\n```\n", after.to_string().trim_end()));
    }
}

fn table(page: &mut String, arguments: &[&Arg]) {
    page.push_str("| argument | meaning |\n| --- | --- |\n");
    for argument in arguments {
        page.push_str(&format!("| `{}` | {} |\n", form(argument), meaning(argument).replace('|', "\\|")));
    }
}

/// `--out <DIR>`, `<MANIFEST>`.
fn form(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value =
        argument.get_value_names().map(|names| names.join(" ")).unwrap_or_else(|| argument.get_id().to_string());
    match (argument.get_long(), takes_value) {
        (None, _) => value,
        (Some(long), false) => format!("--{long}"),
        (Some(long), true) => format!("--{long} {value}"),
    }
    .replace('|', "\\|")
}

fn meaning(argument: &Arg) -> String {
    let mut meaning = text(argument.get_help());
    let choices: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| argument.get_action().takes_values() && value.get_help().is_some())
        .map(|value| format!("`{}` ({})", value.get_name(), text(value.get_help())))
        .collect();
    if !choices.is_empty() {
        meaning.push_str(&format!(": {}", choices.join(", ")));
    }
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        meaning.push_str(&format!(" [default: {}]", defaults.join(",")));
    }
    meaning
}

fn text(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_that_of_this_program() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == markdown(), "docs/commands.md: run `cargo run --release -- docs > docs/commands.md`");
    }
}
