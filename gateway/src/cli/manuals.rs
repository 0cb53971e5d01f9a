//! `sidgate completions` and `sidgate man`: what shells and `man` know about the commands.

use std::io::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, output_failed};
use crate::run::wiring::WiringError;

/// Prints the script that completes commands and options in `shell`.
pub(super) fn completions(shell: Shell) -> Result<(), WiringError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sidgate", &mut script);
    print(&script)
}

/// Prints the page of `sidgate`, or writes the pages of all commands into `folder`.
pub(super) fn pages(folder: Option<&Path>) -> Result<(), WiringError> {
    let failed = |error: std::io::Error| WiringError::Process(format!("man pages: {error}"));
    match folder {
        Some(folder) => clap_mangen::generate_to(Cli::command(), folder).map_err(failed),
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(failed)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> Result<(), WiringError> {
    std::io::stdout().write_all(text).map_err(output_failed)
}
