//! Lines on stdout.

use std::io::{self, BufWriter, Stdout, Write};

/// Standard output, gathered; it is flushed when it is finished.
#[derive(Debug)]
pub(super) struct Output(BufWriter<Stdout>);

impl Output {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(io::stdout()))
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.0, "{}", text.as_ref()).map_err(|error| explained(&error))
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(|error| explained(&error))
    }
}

/// A line on stderr. Nobody is left to tell when that is closed.
pub(super) fn tell(line: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", line.as_ref());
}

fn explained(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to stdout: {error}"))
}

/// A name as a terminal may show it: others than us may have stored control characters.
pub(crate) fn shown(name: &str) -> String {
    let escaped = |char: char| {
        let is_control = char.is_control();
        let escape = is_control.then(|| char.escape_default());
        escape.into_iter().flatten().chain((!is_control).then_some(char))
    };
    name.chars().flat_map(escaped).collect()
}

/// A number of things, in words.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(shown("a b/ü\u{1b}[2J\n"), "a b/ü\\u{1b}[2J\\n");
    }
}
