//! `gavel completions`: what a shell needs to complete commands.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  gavel completions bash > ~/.local/share/bash-completion/completions/gavel
  gavel completions zsh > ~/.zfunc/_gavel
  gavel completions fish > ~/.config/fish/completions/gavel.fish";

/// Arguments of `gavel completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "gavel", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
