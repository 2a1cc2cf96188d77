//! Lists of texts, which the reference reads as Python tuples.

use mlferry_protocol::InvalidParameter;
use std::iter::Peekable;
use std::str::Chars;

/// An element of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    Text(String),
    /// A number, as it was written.
    Number(String),
}

/// Reads a list with its parentheses.
pub(crate) fn elements(list: &str) -> Result<Vec<Element>, InvalidParameter> {
    let inner = list.strip_prefix('(').and_then(|list| list.strip_suffix(')')).unwrap_or(list);
    let mut rest = inner.chars().peekable();
    let mut elements = Vec::new();
    loop {
        skip_blanks(&mut rest);
        let Some(first) = rest.peek().copied() else { break };
        elements.push(match first {
            '\'' | '"' => Element::Text(texts(&mut rest)?),
            first if first.is_ascii_digit() || "+-.".contains(first) => {
                let is_part = |c: &char| c.is_ascii_alphanumeric() || "+-._".contains(*c);
                Element::Number(std::iter::from_fn(|| rest.next_if(is_part)).collect())
            }
            _ => return Err(not_texts(list)),
        });
        skip_blanks(&mut rest);
        match rest.next() {
            None => break,
            Some(',') => {}
            Some(_) => return Err(ill_formed()),
        }
    }
    if elements.is_empty() {
        return Err(InvalidParameter::new(format!("{PARSING} {NON_EMPTY}, but got empty list")));
    }
    Ok(elements)
}

/// Reads a list of texts only.
pub(crate) fn texts_of(list: &str) -> Result<Vec<String>, InvalidParameter> {
    let elements = elements(list)?;
    let shown = || {
        let shown: Vec<String> = elements.iter().map(Element::shown).collect();
        if let [only] = shown.as_slice() {
            format!("({only},)")
        } else {
            format!("({})", shown.join(", "))
        }
    };
    elements
        .iter()
        .map(|element| match element {
            Element::Text(text) => Ok(text.clone()),
            Element::Number(_) => Err(not_texts(&shown())),
        })
        .collect()
}

impl Element {
    /// The text, or the number as it was written.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => mlferry_protocol::python::repr_str(text),
            Self::Number(number) => number.clone(),
        }
    }
}

const PARSING: &str = "While parsing a list in the query,";
const NON_EMPTY: &str = "expected a non-empty list of string values";

fn not_texts(list: &str) -> InvalidParameter {
    InvalidParameter::new(format!(
        "{PARSING} expected string value, punctuation, or whitespace, but got different type in \
         list: {list}"
    ))
}

fn ill_formed() -> InvalidParameter {
    InvalidParameter::new(format!("{PARSING} {NON_EMPTY}, but got ill-formed list."))
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
}

/// Texts side by side are one.
fn texts(rest: &mut Peekable<Chars<'_>>) -> Result<String, InvalidParameter> {
    let mut read = String::new();
    while let Some(quote) = rest.next_if(|c| matches!(c, '\'' | '"')) {
        loop {
            match rest.next() {
                None | Some('\n') => return Err(ill_formed()),
                Some(c) if c == quote => break,
                Some('\\') => escape(rest, &mut read).ok_or_else(ill_formed)?,
                Some(c) => read.push(c),
            }
        }
        skip_blanks(rest);
    }
    Ok(read)
}

/// Reads what follows a backslash; nothing comes of an escape that Python does not know either.
fn escape(rest: &mut Peekable<Chars<'_>>, read: &mut String) -> Option<()> {
    let escaped = rest.next()?;
    let code = |rest: &mut Peekable<Chars<'_>>, digits: usize, radix: u32, start: u32| {
        let mut value = start;
        for _ in 0..digits {
            value = value * radix + rest.next()?.to_digit(radix)?;
        }
        char::from_u32(value)
    };
    let c = match escaped {
        '\n' => return Some(()),
        '\\' | '\'' | '"' => escaped,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => code(rest, 2, 16, 0)?,
        'u' => code(rest, 4, 16, 0)?,
        'U' => code(rest, 8, 16, 0)?,
        '0'..='7' => {
            let mut value = escaped.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = rest.next_if(|c| c.is_digit(8)) else { break };
                value = value * 8 + digit.to_digit(8)?;
            }
            char::from_u32(value)?
        }
        other => {
            read.push('\\');
            other
        }
    };
    read.push(c);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_python_tuples_of_texts() {
        for (list, texts) in [
            ("('a')", vec!["a"]),
            ("( 'a' , \"b\", )", vec!["a", "b"]),
            ("('a' 'b')", vec!["ab"]),
            ("('it''s')", vec!["its"]),
            (r"('\n\x41\u00e9\101\q\'')", vec!["\nAéA\\q'"]),
            ("('é')", vec!["é"]),
        ] {
            assert_eq!(texts_of(list).unwrap(), texts, "{list}");
        }
    }

    #[test]
    fn other_lists_are_refused_by_what_is_in_them() {
        for (list, end) in [
            ("()", "but got empty list"),
            ("(1,2)", "but got different type in list: (1, 2)"),
            ("(1)", "but got different type in list: (1,)"),
            ("('a', 2)", "but got different type in list: ('a', 2)"),
            ("(a)", "but got different type in list: (a)"),
            ("('a' 1)", "but got ill-formed list."),
            ("('\\xZZ')", "but got ill-formed list."),
        ] {
            let message = texts_of(list).unwrap_err().to_string();
            assert!(message.ends_with(end), "{message}");
        }
    }
}
