//! What a user's grants allow: the order in which they count, and what they leave to be seen.

use super::{Action, Permission, ResourceType};
use crate::ExperimentId;
use std::collections::BTreeSet;

/// What stands for all resources of a kind.
const ALL: &str = "*";

/// A permission on one resource, or on all of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What kind of resource.
    pub kind: ResourceType,
    /// Its id or name, or `*` for all.
    pub pattern: String,
    /// What is allowed.
    pub permission: Permission,
}

/// All that was granted to a user, by all roles, and what everybody may do anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    rows: Vec<Grant>,
    default: Permission,
    is_confined: bool,
}

/// What a request needs on one resource.
///
/// Where nothing was granted on the resource's own kind, what was granted on another one decides: runs have no grants of
/// their own as a rule, so that their experiment's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement<'a> {
    /// What kind of resource.
    pub kind: ResourceType,
    /// Its id or name, or `*` where grants can't name it.
    pub id: &'a str,
    /// What is to be done with it.
    pub action: Action,
    /// Where to look when nothing was granted there.
    pub or_else: Option<(ResourceType, &'a str, Action)>,
}

impl<'a> Requirement<'a> {
    /// A resource that has grants of its own.
    #[must_use]
    pub fn on(kind: ResourceType, id: &'a str, action: Action) -> Self {
        Self { kind, id, action, or_else: None }
    }

    /// A part of another resource, whose grants count where parts of this kind have none.
    #[must_use]
    pub fn part(
        kind: ResourceType,
        action: Action,
        (parent, id): (ResourceType, &'a str),
        action_of_parent: Action,
    ) -> Self {
        Self { kind, id: ALL, action, or_else: Some((parent, id, action_of_parent)) }
    }
}

/// Which resources of a kind somebody may see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Visible {
    /// All of them.
    #[default]
    All,
    /// Those with these ids.
    Only(Vec<String>),
    /// All but those with these ids.
    AllBut(Vec<String>),
}

impl Visible {
    /// Whether one of them may be seen.
    #[must_use]
    pub fn shows(&self, id: &str) -> bool {
        let is_among = |ids: &[String]| ids.iter().any(|other| other == id);
        match self {
            Self::All => true,
            Self::Only(ids) => is_among(ids),
            Self::AllBut(ids) => !is_among(ids),
        }
    }

    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Only(Vec::new())
    }
}

/// Which names of the model registry somebody may see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VisibleNames {
    /// Those of registered models.
    pub models: Visible,
    /// Those of prompts.
    pub prompts: Visible,
}

impl Grants {
    /// What was granted, above what everybody may do.
    #[must_use]
    pub fn new(rows: Vec<Grant>, default: Permission) -> Self {
        Self { rows, default, is_confined: false }
    }

    /// Of this, what is allowed in some experiments: nothing else may be seen, and nothing be made but in them.
    #[must_use]
    pub fn within(&self, experiments: &[ExperimentId]) -> Self {
        let manages_all = self.manages_all();
        let in_them = experiments.iter().map(|id| {
            let pattern = id.to_string();
            let permission = self.on(ResourceType::Experiment, &pattern);
            Grant { kind: ResourceType::Experiment, pattern, permission }
        });
        // Nothing is denied to who manages all.
        let parts = self.rows.iter().filter(|grant| {
            !manages_all
                && grant.pattern == ALL
                && ResourceType::IN_EXPERIMENTS.contains(&grant.kind)
        });
        let rows = in_them.chain(parts.cloned()).collect();
        Self { rows, default: Permission::NoPermissions, is_confined: true }
    }

    /// Whether this is what is allowed in some experiments only.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.is_confined
    }

    /// All there is, as operators have it.
    #[must_use]
    pub fn everything() -> Self {
        let kind = ResourceType::Workspace;
        let all = Grant { kind, pattern: ALL.to_owned(), permission: Permission::Manage };
        Self::new(vec![all], Permission::Manage)
    }

    /// Whether all there is may be managed; nothing can be denied to such a user.
    #[must_use]
    pub fn manages_all(&self) -> bool {
        self.rows.iter().any(|grant| {
            grant.kind == ResourceType::Workspace
                && grant.pattern == ALL
                && grant.permission == Permission::Manage
        })
    }

    /// What was granted on one resource, or on all of its kind: a denial counts, else what allows most.
    fn granted(&self, kind: ResourceType, id: &str) -> Option<Permission> {
        let matches =
            |grant: &&Grant| grant.kind == kind && (grant.pattern == ALL || grant.pattern == id);
        let mut permissions = self.rows.iter().filter(matches).map(|grant| grant.permission);
        let first = permissions.next()?;
        // Nothing is less than a denial.
        let (least, most) = permissions
            .fold((first, first), |(least, most), next| (least.min(next), most.max(next)));
        Some(if least == Permission::Deny { least } else { most })
    }

    /// What may be done with a resource.
    #[must_use]
    pub fn on(&self, kind: ResourceType, id: &str) -> Permission {
        if self.manages_all() {
            return Permission::Manage;
        }
        self.granted(kind, id).map_or(self.default, |granted| granted.or_default(self.default))
    }

    /// Whether what a request needs is allowed.
    #[must_use]
    pub fn meet(&self, requirement: &Requirement<'_>) -> bool {
        let Requirement { kind, id, action, or_else } = *requirement;
        match or_else {
            Some((parent, parent_id, action_of_parent)) if self.granted(kind, id).is_none() => {
                self.on(parent, parent_id).allows(action_of_parent)
            }
            _ => self.on(kind, id).allows(action),
        }
    }

    /// Which resources of a kind may be seen.
    #[must_use]
    pub fn visible(&self, kind: ResourceType) -> Visible {
        if self.manages_all() {
            return Visible::All;
        }
        let is_visible = |id: &str| self.on(kind, id).allows(Action::Read);
        let named = self.rows.iter().filter(|grant| grant.kind == kind && grant.pattern != ALL);
        let named: BTreeSet<&str> = named.map(|grant| grant.pattern.as_str()).collect();
        let (seen, hidden): (Vec<String>, Vec<String>) =
            named.into_iter().map(str::to_owned).partition(|id| is_visible(id));
        if !is_visible(ALL) {
            Visible::Only(seen)
        } else if hidden.is_empty() {
            Visible::All
        } else {
            Visible::AllBut(hidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permission::{Deny, Edit, Manage, NoPermissions, Read, Use};
    use ResourceType::{Experiment, Run, Workspace};

    fn grants(default: Permission, rows: &[(ResourceType, &str, Permission)]) -> Grants {
        let rows = rows.iter().map(|(kind, pattern, permission)| Grant {
            kind: *kind,
            pattern: (*pattern).to_owned(),
            permission: *permission,
        });
        Grants::new(rows.collect(), default)
    }

    #[test]
    fn the_most_counts_unless_it_is_denied() {
        let rows = [(Experiment, "1", Read), (Experiment, "*", Edit), (Experiment, "2", Deny)];
        let grants = grants(NoPermissions, &rows);
        assert_eq!(grants.on(Experiment, "1"), Edit);
        assert_eq!(grants.on(Experiment, "2"), Deny);
        assert_eq!(grants.on(Experiment, "3"), Edit);
        assert_eq!(grants.on(Run, "*"), NoPermissions);
    }

    #[test]
    fn nothing_is_denied_to_who_manages_all() {
        let grants = grants(NoPermissions, &[(Workspace, "*", Manage), (Experiment, "1", Deny)]);
        assert_eq!(grants.on(Experiment, "1"), Manage);
        assert_eq!(grants.visible(Experiment), Visible::All);
        assert!(!self::grants(Read, &[(Workspace, "*", Use)]).manages_all());
    }

    #[test]
    fn parts_follow_their_parent_until_they_have_grants_of_their_own() {
        let deletion = Requirement::part(Run, Action::Delete, (Experiment, "1"), Action::Delete);
        assert!(grants(Read, &[(Experiment, "1", Manage)]).meet(&deletion));
        assert!(!grants(Read, &[(Experiment, "2", Manage)]).meet(&deletion));
        assert!(!grants(Read, &[(Experiment, "1", Manage), (Run, "*", Edit)]).meet(&deletion));
        assert!(grants(NoPermissions, &[(Run, "*", Manage)]).meet(&deletion));
        assert!(!grants(Manage, &[(Run, "*", Deny)]).meet(&deletion));
    }

    #[test]
    fn what_is_seen_is_told_by_the_shorter_list() {
        let seen = |default, rows: &[_]| grants(default, rows).visible(Experiment);
        assert_eq!(seen(Read, &[]), Visible::All);
        assert_eq!(seen(Read, &[(Experiment, "1", Edit)]), Visible::All);
        assert_eq!(seen(Read, &[(Experiment, "1", Deny)]), Visible::AllBut(vec!["1".to_owned()]));
        assert_eq!(seen(NoPermissions, &[]), Visible::nothing());
        let rows = [(Experiment, "1", Read), (Experiment, "2", Deny)];
        assert_eq!(seen(NoPermissions, &rows), Visible::Only(vec!["1".to_owned()]));
        assert_eq!(seen(Manage, &[(Experiment, "*", Deny)]), Visible::nothing());
        assert_eq!(seen(NoPermissions, &[(Experiment, "*", Read)]), Visible::All);
    }

    #[test]
    fn within_some_experiments_nothing_else_is_left() {
        let one = [ExperimentId(1)];
        let everything = Grants::everything().within(&one);
        assert_eq!(everything.on(Experiment, "1"), Manage);
        assert!(!everything.manages_all());
        for other in [everything.clone(), grants(Manage, &[(Experiment, "2", Edit)]).within(&one)] {
            assert_eq!(other.on(Experiment, "2"), NoPermissions);
            assert_eq!(other.on(ResourceType::RegisteredModel, "m"), NoPermissions);
            assert_eq!(other.visible(Experiment), Visible::Only(vec!["1".to_owned()]));
        }
        // What was not allowed before is not allowed now.
        let few = grants(Read, &[(Run, "*", Deny), (Experiment, "2", Manage)]).within(&one);
        assert_eq!(few.on(Experiment, "1"), Read);
        assert!(!few.meet(&Requirement::part(Run, Action::Read, (Experiment, "1"), Action::Read)));
        assert!(everything.meet(&Requirement::part(
            Run,
            Action::Delete,
            (Experiment, "1"),
            Action::Delete
        )));
        assert_eq!(grants(Read, &[(Experiment, "1", Deny)]).within(&one).on(Experiment, "1"), Deny);
    }

    #[test]
    fn a_list_shows_what_it_names() {
        assert!(Visible::All.shows("1"));
        assert!(!Visible::nothing().shows("1"));
        assert!(Visible::Only(vec!["1".to_owned()]).shows("1"));
        assert!(!Visible::AllBut(vec!["1".to_owned()]).shows("1"));
    }
}
