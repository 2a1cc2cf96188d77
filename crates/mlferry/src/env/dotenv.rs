//! The text of an `--env-file`.

/// Reads dotenv text the way python-dotenv does, which is what the reference's `--env-file` uses.
pub(super) struct Dotenv<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Dotenv<'a> {
    /// The bindings in order, and the numbers of lines that are none.
    pub(super) fn read(text: &'a str) -> (Vec<(String, String)>, Vec<usize>) {
        let mut reader = Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
        let mut bindings = Vec::new();
        let mut bad_lines = Vec::new();
        loop {
            reader.skip(char::is_whitespace);
            if reader.rest.is_empty() {
                return (bindings, bad_lines);
            }
            let start_line = reader.line;
            match reader.binding() {
                Some((Some(name), Some(value))) => bindings.push((name, value)),
                Some(_) => {}
                None => {
                    bad_lines.push(start_line);
                    reader.skip(|char| !is_newline(char));
                }
            }
        }
    }

    /// One line: `export NAME=value # comment`, a lone name, or a comment. `None` when it is something else.
    fn binding(&mut self) -> Option<(Option<String>, Option<String>)> {
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with(is_blank)
        {
            self.rest = rest;
            self.skip(is_blank);
        }
        let name = match self.rest.chars().next()? {
            '#' => None,
            '\'' => {
                let (name, _) = self.rest.get(1..)?.split_once('\'')?;
                self.advance(name.len() + 2);
                (!name.is_empty()).then_some(name.to_owned())
            }
            _ => {
                let name = self.skip(|char| char != '=' && char != '#' && !char.is_whitespace());
                Some((!name.is_empty()).then_some(name)?.to_owned())
            }
        };
        self.skip(is_blank);
        let mut value = None;
        if self.rest.starts_with('=') {
            self.advance(1);
            let blanks = self.skip(is_blank);
            value = Some(if !blanks.is_empty() && self.rest.starts_with('#') {
                String::new()
            } else {
                self.value()?
            });
        }
        self.skip(is_blank);
        if self.rest.starts_with('#') {
            self.skip(|char| !is_newline(char));
        }
        (self.rest.is_empty() || self.rest.starts_with(is_newline)).then_some((name, value))
    }

    fn value(&mut self) -> Option<String> {
        if let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            return self.quoted(quote);
        }
        let line = self.skip(|char| !is_newline(char));
        let comment = line
            .char_indices()
            .zip(line.chars().skip(1))
            .find(|((_, char), next)| char.is_whitespace() && *next == '#')
            .map_or(line.len(), |((at, _), _)| at);
        Some(line.get(..comment)?.trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            if char == quote {
                self.advance(at + 1);
                return Some(value);
            }
            if char != '\\' {
                value.push(char);
                continue;
            }
            let (_, escaped) = chars.next()?;
            match unescape(escaped, quote) {
                Some(plain) => value.push(plain),
                None => value.extend(['\\', escaped]),
            }
        }
        None
    }

    /// Moves on while `wanted` holds, and returns what was passed.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !wanted(char)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
        passed
    }
}

fn is_newline(char: char) -> bool {
    matches!(char, '\n' | '\r')
}

fn is_blank(char: char) -> bool {
    char.is_whitespace() && !is_newline(char)
}

/// What a backslash and this character stand for; in single quotes only quotes and backslashes are escaped.
fn unescape(char: char, quote: char) -> Option<char> {
    match char {
        '\\' | '\'' => Some(char),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    }
}
