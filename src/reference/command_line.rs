//! The page of the command line, from what clap knows of it.

use clap::Command;

use super::markdown::code;

/// Columns that the help is laid out in, whatever the terminal.
const WIDTH: usize = 100;

/// The program's own help, then that of each subcommand.
pub(super) fn body() -> String {
    let mut command = fixed(crate::config::command());
    // Only a built command knows the whole line that a subcommand is called with.
    command.build();
    let name = command.get_name().to_owned();
    format!(
        "What `{name} --help` and `{name} COMMAND --help` print. An option with `[env: NAME]` is also taken from that \
         variable of the environment; the command line wins.\n{}",
        sections(&mut command, &name)
    )
}

/// The same text on every machine: neither the terminal's width nor the environment's values show.
fn fixed(command: Command) -> Command {
    command.term_width(WIDTH).mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(fixed)
}

fn sections(command: &mut Command, line: &str) -> String {
    let mut text = format!("\n## {line}\n\n{}", code("text", &command.render_long_help().to_string()));
    for subcommand in command.get_subcommands_mut() {
        if subcommand.get_name() != "help" && !subcommand.is_hide_set() {
            let line = format!("{line} {}", subcommand.get_name());
            text.push_str(&sections(subcommand, &line));
        }
    }
    text
}
