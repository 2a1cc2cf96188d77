//! `mlferry config reference`: what can be set, in Markdown, as `docs/configure.md` has it.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::keys;
use super::variables::{self, Reader, SUFFIX};
use crate::cli;

/// What surrounds the tables.
const TEMPLATE: &str = include_str!("reference.md");

/// The whole page.
pub(super) fn page() -> String {
    TEMPLATE
        .replace("{settings}\n", &settings())
        .replace("{variables}\n", &variables_of(Reader::Mlferry))
        .replace("{store-variables}\n", &variables_of(Reader::Stores))
        .replace("{process-variables}\n", &variables_of(Reader::Process))
        .replace("{commands}\n", commands().trim_start())
}

fn settings() -> String {
    let mut text = String::from(
        "| flag and key | takes | default | variable | meaning |\n|---|---|---|---|---|\n",
    );
    for key in keys::all() {
        let mut names = vec![format!("`--{}`", key.name)];
        names.extend(key.short.map(|short| format!("`-{short}`")));
        names.extend(key.opposite.as_ref().map(|(name, _)| format!("`--{name}`")));
        let default = key.default.as_deref().unwrap_or(match key.kind {
            keys::Kind::Switch => "off",
            _ => "",
        });
        let variable = key.variable.as_deref().map(|name| format!("`{name}`")).unwrap_or_default();
        let cells = [
            &names.join(", "),
            key.kind.name(),
            &escaped(default),
            &variable,
            &escaped(&key.about),
        ];
        row(&mut text, &cells);
    }
    text
}

fn variables_of(reader: Reader) -> String {
    let in_files = variables::in_files();
    let with_files = reader != Reader::Process;
    let mut text = if with_files {
        format!("| variable | with `{SUFFIX}` | default | meaning |\n|---|---|---|---|\n")
    } else {
        "| variable | default | meaning |\n|---|---|---|\n".to_owned()
    };
    for known in variables::all().filter(|known| known.reader == reader) {
        let (about, default) = keys::split_default(known.about);
        let name = format!("`{}`", known.name);
        let in_file = if in_files.contains(known.name.as_ref()) { "yes" } else { "" };
        let (default, about) = (escaped(default.unwrap_or_default()), escaped(about));
        if with_files {
            row(&mut text, &[&name, in_file, &default, &about]);
        } else {
            row(&mut text, &[&name, &default, &about]);
        }
    }
    text
}

/// The flags of all other commands.
fn commands() -> String {
    let mut root = cli::command();
    root.build();
    let mut text = String::new();
    section(&mut text, "mlferry", &root);
    for command in root.get_subcommands().filter(|command| command.get_name() != "server") {
        let name = format!("mlferry {}", command.get_name());
        section(&mut text, &name, command);
        for below in command.get_subcommands() {
            // Those of the server are above.
            let is_of_server = |arg: &Arg| below.get_name() == "show" && is_key(arg);
            let below = below.clone().mut_args(|arg| {
                let is_hidden = is_of_server(&arg);
                arg.hide(is_hidden)
            });
            section(&mut text, &format!("{name} {}", below.get_name()), &below);
        }
    }
    text
}

fn is_key(arg: &Arg) -> bool {
    let name = arg.get_long().unwrap_or_default();
    let is_opposite = |key: &keys::Key| key.opposite.as_ref().is_some_and(|(no, _)| no == name);
    keys::all().iter().any(|key| key.name == name || is_opposite(key))
}

fn section(text: &mut String, name: &str, command: &Command) {
    let is_root = name == "mlferry";
    // What works everywhere stands once, with the root.
    let is_own = |arg: &&Arg| {
        let is_common = ["help", "version"].contains(&arg.get_id().as_str());
        !is_common && !arg.is_hide_set() && (is_root || arg.get_id() != "config")
    };
    let args: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    if args.is_empty() {
        return;
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = write!(text, "\n### `{name}`\n\n{}.\n\n", about.trim_end_matches('.'));
    text.push_str("| argument | default | meaning |\n|---|---|---|\n");
    for arg in args {
        let (about, default) = keys::about(arg);
        let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
        let default = default.unwrap_or_else(|| defaults.collect::<Vec<_>>().join(","));
        let default = if arg.get_action().takes_values() { default } else { String::new() };
        row(text, &[&format!("`{}`", name_of(arg)), &escaped(&default), &escaped(&about)]);
    }
}

fn name_of(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(<[_]>::first).map(clap::builder::Str::as_str);
    let value = value.filter(|_| arg.get_action().takes_values());
    match (arg.get_long(), value) {
        (Some(name), Some(value)) => format!("--{name} {}", value.replace('|', "\\|")),
        (Some(name), None) => format!("--{name}"),
        (None, value) => value.unwrap_or(arg.get_id().as_str()).to_owned(),
    }
}

fn row(text: &mut String, cells: &[&str]) {
    // Writing to a text can't fail.
    for cell in cells {
        let _ = write!(text, "| {cell}{}", if cell.is_empty() { "" } else { " " });
    }
    text.push_str("|\n");
}

/// Text that means itself in a cell.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '|' | '*' | '<') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_guide_is_what_the_binary_prints() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configure.md");
        let there = fs::read_to_string(&path).unwrap_or_default();
        let page = page();
        let differs = there.lines().zip(page.lines()).find(|(there, here)| there != here);
        assert!(
            there == page,
            "docs/configure.md is not what `mlferry config reference` prints: run `make docs`. First difference: \
             {differs:#?}"
        );
    }

    #[test]
    fn the_page_holds_every_flag_and_variable() {
        let page = page();
        for key in keys::all() {
            assert!(page.contains(&format!("| `--{}`", key.name)), "{}", key.name);
        }
        for known in variables::all() {
            assert!(page.contains(&format!("| `{}` |", known.name)), "{}", known.name);
        }
        assert!(page.contains("### `mlferry artifacts cp`") && page.contains("`--dry-run`"));
        assert!(!page.contains("{settings}") && !page.contains("variables}"), "{page}");
    }
}
