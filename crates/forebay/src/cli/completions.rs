//! `forebay completions SHELL`: what the shell needs to complete commands and flags.

use clap::Args;
use clap_complete::Shell;

use super::failure::Failure;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  forebay completions bash > /etc/bash_completion.d/forebay
  forebay completions zsh > ~/.zfunc/_forebay
  forebay completions fish > ~/.config/fish/completions/forebay.fish")]
pub(crate) struct Completions {
    /// The shell to print them for
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // Rendered into memory first: the generator panics when its output is a closed pipe.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "forebay", &mut script);
        super::output::write_data(&script)
    }
}
