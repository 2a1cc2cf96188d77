//! What a schema consists of, in a form in which two can be compared whoever wrote them down.

use std::fmt;

/// How indexes and tables of ours are called, which the reference neither makes nor minds.
const OWN: &str = "mlferry_";

/// What a part of a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    Table,
    Column,
    Constraint,
    Index,
    Trigger,
}

/// A part of a schema.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// The table that it is, or belongs to; empty for a function.
    pub(super) table: String,
    /// Its own name; a constraint without one is named by its definition.
    pub(super) name: String,
    /// A column's or constraint's definition, or the whole statement of other parts.
    pub(super) text: String,
}

impl Part {
    pub(super) fn new(kind: Kind, table: &str, name: &str, text: &str) -> Self {
        Self { kind, table: unquoted(table), name: unquoted(name), text: text.trim().to_owned() }
    }

    fn is_the_one(&self, other: &Self) -> bool {
        self.kind == other.kind && self.table == other.table && self.name == other.name
    }

    /// Whether both are defined alike. A table is its columns and constraints, and functions are not looked into.
    fn is_alike(&self, other: &Self) -> bool {
        matches!(self.kind, Kind::Table | Kind::Function)
            || normal(&self.text) == normal(&other.text)
    }
}

/// `index i of table t`, as people call it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, name, .. } = self;
        match self.kind {
            Kind::Function => write!(f, "function {name}"),
            Kind::Table => write!(f, "table {table}"),
            Kind::Column => write!(f, "column {table}.{name}"),
            Kind::Constraint => write!(f, "constraint {name} of table {table}"),
            Kind::Index => write!(f, "index {name} of table {table}"),
            Kind::Trigger => write!(f, "trigger {name} of table {table}"),
        }
    }
}

/// All parts of a schema; columns in the order of their table.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape(pub(super) Vec<Part>);

/// How a schema that was found differs from the wanted one.
#[derive(Debug, Clone)]
pub(super) enum Difference<'a> {
    Missing(&'a Part),
    Extra(&'a Part),
    Differs { found: &'a Part, wanted: &'a Part },
}

impl Difference<'_> {
    /// The part that is meant, as it is where it exists.
    pub(super) fn part(&self) -> &Part {
        match self {
            Self::Missing(part) | Self::Extra(part) | Self::Differs { found: part, .. } => part,
        }
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(part) => write!(f, "missing {part}"),
            Self::Extra(part) => write!(f, "extra {part}"),
            Self::Differs { found, wanted } => {
                write!(f, "{found} is {}, not {}", one_line(&found.text), one_line(&wanted.text))
            }
        }
    }
}

impl Shape {
    /// The same part of this schema, if there is one.
    pub(super) fn find(&self, part: &Part) -> Option<&Part> {
        self.0.iter().find(|candidate| candidate.is_the_one(part))
    }

    /// Whether there is such a table.
    pub(super) fn has_table(&self, name: &str) -> bool {
        self.of_kind(Kind::Table).any(|part| part.table == name)
    }

    /// Whether a table has such a column.
    pub(super) fn has_column(&self, table: &str, name: &str) -> bool {
        self.of_kind(Kind::Column).any(|part| part.table == table && part.name == name)
    }

    /// All parts of a kind.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(move |part| part.kind == kind)
    }

    /// The parts of a kind that belong to a table.
    pub(super) fn of_table<'a>(
        &'a self,
        kind: Kind,
        table: &'a str,
    ) -> impl Iterator<Item = &'a Part> {
        self.of_kind(kind).filter(move |part| part.table == table)
    }

    /// How this schema, which was found, differs from the wanted one. Of a table that is missing, nothing
    /// else is told; tables and functions of others are not looked at, and neither are indexes of ours.
    pub(super) fn differences<'a>(&'a self, wanted: &'a Self) -> Vec<Difference<'a>> {
        let mut differences = Vec::new();
        for part in &wanted.0 {
            match self.find(part) {
                Some(found) if found.is_alike(part) => {}
                Some(found) => differences.push(Difference::Differs { found, wanted: part }),
                None => {
                    if part.kind == Kind::Table
                        || part.table.is_empty()
                        || self.has_table(&part.table)
                    {
                        differences.push(Difference::Missing(part));
                    }
                }
            }
        }
        for part in &self.0 {
            let is_own = part.kind == Kind::Index && part.name.starts_with(OWN);
            if wanted.has_table(&part.table) && wanted.find(part).is_none() && !is_own {
                differences.push(Difference::Extra(part));
            }
        }
        differences
    }

    /// Tables of others in the same database.
    pub(super) fn other_tables<'a>(&'a self, wanted: &'a Self) -> impl Iterator<Item = &'a str> {
        let tables = self.of_kind(Kind::Table).map(|part| part.table.as_str());
        tables.filter(|table| !wanted.has_table(table) && !table.starts_with(OWN))
    }
}

/// A name without its quotes.
pub(super) fn unquoted(name: &str) -> String {
    name.trim_matches(['"', '`', '[', ']']).to_owned()
}

/// A definition in which only what has a meaning is left: quotes around names and blanks are gone.
pub(super) fn normal(text: &str) -> String {
    if let Some((name, condition)) = text.split_once("CHECK") {
        return format!("{} CHECK {}", normal_words(name), normal_condition(condition))
            .trim()
            .to_owned();
    }
    normal_words(text)
}

fn normal_words(text: &str) -> String {
    let is_mark = |char| matches!(char, '(' | ')' | ',');
    let mut normal = String::with_capacity(text.len());
    for word in text.replace('"', "").split_whitespace() {
        if !normal.is_empty() && !normal.ends_with(is_mark) && !word.starts_with(is_mark) {
            normal.push(' ');
        }
        normal.push_str(word);
    }
    normal
}

/// `column IN values` in one spelling: PostgreSQL tells it as `= ANY (ARRAY[…])` with casts, and MLflow
/// writes the values in any order.
fn normal_condition(condition: &str) -> String {
    let mut plain = condition.to_owned();
    for cast in ["::character varying", "::text[]", "::text"] {
        plain = plain.replace(cast, "");
    }
    let plain = plain.replace(['(', ')', ']', '"'], "").replace("= ANY ARRAY[", "IN ");
    let Some((column, values)) = plain.split_once(" IN ") else { return normal_words(condition) };
    let mut values: Vec<&str> = values.split(',').map(str::trim).collect();
    values.sort_unstable();
    format!("{} IN {}", column.trim(), values.join(","))
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("'{}'", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_has_no_meaning() {
        for (one, other) in [
            ("FOREIGN KEY(a, b) REFERENCES \"t\" (c)", "FOREIGN KEY (a,b)  REFERENCES t(c)"),
            ("CHECK (s IN ('a', 'b'))", "CHECK (s IN ('b','a'))"),
            (
                "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
                "CHECK (s IN ('b', 'a'))",
            ),
            (
                "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
                "CHECK (s IN ('b', 'a'))",
            ),
            ("x\n\tTEXT", "x TEXT"),
        ] {
            assert_eq!(normal(one), normal(other));
        }
        assert_ne!(normal("a VARCHAR(5)"), normal("a VARCHAR(6)"));
        assert_ne!(normal("a TEXT NOT NULL"), normal("a TEXT"));
        assert_ne!(normal("CHECK (a IN ('b'))"), normal("CHECK (a IN ('c'))"));
        assert_ne!(normal("CHECK (a > 1)"), normal("CHECK (a > 2)"));
    }

    fn shape(parts: &[(Kind, &str, &str, &str)]) -> Shape {
        Shape(
            parts
                .iter()
                .map(|(kind, table, name, text)| Part::new(*kind, table, name, text))
                .collect(),
        )
    }

    #[test]
    fn differences_are_named() {
        let wanted = shape(&[
            (Kind::Table, "t", "t", ""),
            (Kind::Column, "t", "a", "a TEXT"),
            (Kind::Column, "t", "b", "b TEXT"),
            (Kind::Table, "u", "u", ""),
            (Kind::Column, "u", "c", "c TEXT"),
        ]);
        let found = shape(&[
            (Kind::Table, "t", "t", ""),
            (Kind::Column, "t", "a", "a BIGINT"),
            (Kind::Index, "t", "mlferry_t_a", "CREATE INDEX mlferry_t_a ON t (a)"),
            (Kind::Index, "t", "i", "CREATE INDEX i ON t (a)"),
            (Kind::Table, "users", "users", ""),
        ]);
        let told: Vec<String> =
            found.differences(&wanted).iter().map(ToString::to_string).collect();
        let expected = [
            "column t.a is 'a BIGINT', not 'a TEXT'",
            "missing column t.b",
            "missing table u",
            "extra index i of table t",
        ];
        assert_eq!(told, expected);
        assert_eq!(found.other_tables(&wanted).collect::<Vec<_>>(), ["users"]);
    }
}
