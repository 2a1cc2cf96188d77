//! Shell completions and the manual page, both made from the command line's own grammar.

use std::io;

use clap_complete::Shell;
use clap_complete::aot::Generator;
use clap_mangen::Man;

use crate::cli;

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> io::Result<Vec<u8>> {
    let mut command = cli::command();
    command.set_bin_name("mlferry");
    command.build();
    let mut script = Vec::new();
    shell.try_generate(&command, &mut script)?;
    Ok(script)
}

/// One page in roff on `mlferry` and all its subcommands.
pub(crate) fn page() -> io::Result<Vec<u8>> {
    let mut root = cli::command();
    root.build();
    let mut page = Vec::new();
    let man = Man::new(root.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for command in root.get_subcommands() {
        page.extend(section(command)?);
        for command in command.get_subcommands() {
            page.extend(section(command)?);
        }
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// One heading for a command, its sections below it.
fn section(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut sections = Vec::new();
    man.render_synopsis_section(&mut sections)?;
    man.render_description_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_uppercase();
    let sections = String::from_utf8_lossy(&sections).replace(".SH ", ".SS ");
    Ok(format!(".SH \"{name}\"\n{sections}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_holds_every_flag_of_the_server() {
        let page = String::from_utf8(page().unwrap()).unwrap().replace('\\', "");
        assert!(page.contains(".SH \"MLFERRY SERVER\""), "{page}");
        for arg in cli::command().find_subcommand("server").unwrap().get_arguments() {
            let flag = format!("--{}", arg.get_long().unwrap());
            assert!(page.contains(&flag), "{flag}");
        }
        assert!(page.contains("MLFLOW_PORT"));
    }

    #[test]
    fn completions_exist_for_each_shell() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = String::from_utf8(completions(shell).unwrap()).unwrap();
            assert!(script.contains("artifacts-destination"), "{shell}");
        }
    }
}
