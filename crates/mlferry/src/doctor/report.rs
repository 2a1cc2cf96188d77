//! What was found, for people and for programs.

use std::fmt;

use mlferry_store::StoreError;
use serde::Serialize;

use super::words;

/// Examples that are shown of a finding.
pub(super) const EXAMPLES: usize = 5;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Nothing is wrong yet.
    Warning,
    /// Something is lost, wrong, or about to fail.
    Problem,
    /// It could not be told.
    Unchecked,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Group {
    Machine,
    Database,
    Records,
    Destination,
    Artifacts,
}

impl Group {
    const ALL: [Self; 5] =
        [Self::Machine, Self::Database, Self::Records, Self::Destination, Self::Artifacts];

    fn title(self) -> &'static str {
        match self {
            Self::Machine => "This machine",
            Self::Database => "Database",
            Self::Records => "Records",
            Self::Destination => "Artifact destination",
            Self::Artifacts => "Artifacts of records",
        }
    }
}

/// Something that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    group: Group,
    /// A name that stays the same from release to release.
    check: String,
    level: Level,
    /// A sentence without its end.
    what: String,
    /// How many things it is about, where it counts some.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// The first few of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// What `--fix` did about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<String>,
}

impl Finding {
    pub(super) fn new(
        group: Group,
        check: impl Into<String>,
        level: Level,
        what: impl Into<String>,
    ) -> Self {
        let (check, what) = (check.into(), what.into());
        Self {
            group,
            check,
            level,
            what,
            count: None,
            examples: Vec::new(),
            advice: None,
            fixed: None,
        }
    }

    /// Says how many things it is about, and which are the first.
    pub(super) fn of(mut self, count: u64, mut examples: Vec<String>) -> Self {
        self.count = Some(count);
        examples.truncate(EXAMPLES);
        self.examples = examples;
        self
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn fixed(mut self, fixed: impl Into<String>) -> Self {
        self.fixed = Some(fixed.into());
        self
    }

    /// How bad it is still.
    fn remains(&self) -> Level {
        if self.fixed.is_some() { Level::Ok } else { self.level }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match (self.level, &self.fixed) {
            (_, Some(_)) => "fixed",
            (Level::Ok, _) => "ok",
            (Level::Warning, _) => "warning",
            (Level::Problem, _) => "PROBLEM",
            (Level::Unchecked, _) => "UNKNOWN",
        };
        write!(f, "  {mark:<8} ")?;
        if let Some(count) = self.count {
            write!(f, "{count} ")?;
        }
        writeln!(f, "{}", shown(&self.what))?;
        for example in &self.examples {
            writeln!(f, "             {}", shown(example))?;
        }
        let more = self.count.unwrap_or_default().saturating_sub(self.examples.len() as u64);
        if more > 0 && !self.examples.is_empty() {
            writeln!(f, "             … and {more} more")?;
        }
        match (&self.fixed, &self.advice) {
            (Some(fixed), _) => writeln!(f, "           → {}", shown(fixed)),
            (None, Some(advice)) => writeln!(f, "           → {}", shown(advice)),
            (None, None) => Ok(()),
        }
    }
}

/// What all of it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is no problem; there may be warnings.
    Sound,
    Problems,
    /// Something could not be told.
    Unchecked,
}

/// All findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds what was found, or that all is well.
    pub(super) fn add_all(
        &mut self,
        group: Group,
        check: &str,
        all_is_well: &str,
        found: Result<Vec<Finding>, StoreError>,
    ) {
        match found {
            Ok(found) if found.is_empty() => self.ok(group, check, all_is_well),
            Ok(found) => self.findings.extend(found),
            Err(error) => self.unchecked(group, check, words(error)),
        }
    }

    /// Notes that something is as it should be.
    pub(super) fn ok(&mut self, group: Group, check: impl Into<String>, what: impl Into<String>) {
        self.add(Finding::new(group, check, Level::Ok, what));
    }

    /// Notes that something could not be told.
    pub(super) fn unchecked(
        &mut self,
        group: Group,
        check: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.add(Finding::new(group, check, Level::Unchecked, why));
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.remains() == level).count()
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.count(Level::Unchecked) > 0 {
            return Outcome::Unchecked;
        }
        if self.count(Level::Problem) > 0 { Outcome::Problems } else { Outcome::Sound }
    }

    /// One object, with all findings in the order of the text.
    pub(super) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Told<'a> {
            status: &'static str,
            findings: Vec<&'a Finding>,
        }
        let status = match self.outcome() {
            Outcome::Sound => "ok",
            Outcome::Problems => "problem",
            Outcome::Unchecked => "unchecked",
        };
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| finding.group);
        format!("{:#}\n", serde_json::json!(Told { status, findings }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in Group::ALL {
            let findings: Vec<_> =
                self.findings.iter().filter(|finding| finding.group == group).collect();
            if findings.is_empty() {
                continue;
            }
            writeln!(f, "{}", group.title())?;
            for finding in findings {
                write!(f, "{finding}")?;
            }
        }
        let counted = |count: usize, what: &str| crate::artifacts::counted(count as u64, what);
        let problems = counted(self.count(Level::Problem), "problem");
        let warnings = counted(self.count(Level::Warning), "warning");
        write!(f, "\n{problems}, {warnings}")?;
        match self.count(Level::Unchecked) {
            0 => writeln!(f, "."),
            unchecked => writeln!(f, "; {} could not be made.", counted(unchecked, "check")),
        }
    }
}

/// A text as a terminal may show it: others may have stored control characters.
fn shown(text: &str) -> String {
    crate::artifacts::shown(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(levels: &[Level]) -> Report {
        let finding = |level: &Level| Finding::new(Group::Records, "x", *level, "is so");
        Report { findings: levels.iter().map(finding).collect() }
    }

    #[test]
    fn what_could_not_be_told_outweighs_problems_and_warnings_count_for_nothing() {
        use Level::{Ok, Problem, Unchecked, Warning};
        assert_eq!(report(&[Ok, Warning]).outcome(), Outcome::Sound);
        assert_eq!(report(&[Warning, Problem]).outcome(), Outcome::Problems);
        assert_eq!(report(&[Problem, Unchecked]).outcome(), Outcome::Unchecked);
    }

    #[test]
    fn what_was_fixed_is_no_problem_any_more() {
        let mut fixed = Report::default();
        fixed.add(Finding::new(Group::Records, "x", Level::Problem, "is so").fixed("was mended"));
        assert_eq!(fixed.outcome(), Outcome::Sound);
        assert!(fixed.to_string().contains("→ was mended"), "{fixed}");
    }

    #[test]
    fn examples_are_few_and_the_rest_is_counted() {
        let examples = (0..9).map(|number| format!("run{number}\u{1b}")).collect();
        let finding = Finding::new(Group::Records, "x", Level::Problem, "runs are so");
        let text = finding.of(9, examples).advice("Look.").to_string();
        assert!(text.starts_with("  PROBLEM  9 runs are so\n"), "{text}");
        assert!(
            text.contains("run4\\u{1b}\n             … and 4 more\n           → Look.\n"),
            "{text}"
        );
    }
}
