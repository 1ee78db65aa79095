//! `docs/reference/cli.md`: every command with its options, from the definitions of clap.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{GENERATED, cell};

/// The page.
pub(super) fn page() -> String {
    let mut definition = crate::commands::definition();
    definition.build();
    let mut out = format!("# Commands\n{GENERATED}\n\n");
    out.push_str(
        "Data goes to stdout, messages to stderr. Exit codes: 0 ok, 1 failure, 2 wrong command \
         line or\nconfiguration, 3 nothing found, 4 not allowed, 5 unreachable.\n",
    );
    push_commands(&mut out, &definition, "");
    out
}

fn push_commands(out: &mut String, parent: &Command, before: &str) {
    for command in parent.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{before}{}", command.get_name());
        push_command(out, command, &name);
        push_commands(out, command, &format!("{name} "));
    }
}

fn push_command(out: &mut String, command: &Command, name: &str) {
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = write!(out, "\n## gpulse {name}\n{about}\n");
    let shown: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .collect();
    if !shown.is_empty() {
        out.push_str("\n| option | meaning | default | environment |\n|---|---|---|---|\n");
    }
    for arg in shown {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            spelling(arg),
            meaning(arg),
            default(arg),
            arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default(),
        );
    }
    if let Some(examples) = command.get_after_help() {
        let _ = write!(out, "\n```\n{examples}\n```\n");
    }
}

fn spelling(arg: &Arg) -> String {
    let takes_value = arg.get_action().takes_values();
    let value = if takes_value { value_of(arg) } else { String::new() };
    let Some(long) = arg.get_long() else { return format!("`{}`", value.trim()) };
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    let longs = [long].into_iter().chain(aliases).map(|name| format!("--{name}"));
    let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
    let names = shorts.iter().map(|char| format!("-{char}")).chain(longs);
    format!("`{}{}`", names.collect::<Vec<_>>().join(", "), value.replace('|', "\\|"))
}

fn value_of(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let name = names.first().map(ToString::to_string).unwrap_or_default();
    let is_optional = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
    if is_optional { format!("[={name}]") } else { format!(" {name}") }
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = cell(&help.map(ToString::to_string).unwrap_or_default());
    let choices: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| arg.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if choices.is_empty() { help } else { format!("{help}. One of {}", choices.join(", ")) }
}

/// The default of an option that takes a value; a bare flag is off.
fn default(arg: &Arg) -> String {
    let takes_value = arg.get_action().takes_values();
    let defaults = arg.get_default_values().iter().filter(|_| takes_value);
    defaults.map(|value| format!("`{}`", value.to_string_lossy())).collect::<Vec<_>>().join(" ")
}
