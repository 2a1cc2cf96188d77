//! Permissions, and the kinds of things on which they are granted.

use crate::{InvalidParameter, python};

/// What somebody may do with a resource; a later one allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing, whatever else was granted.
    Deny,
    /// Nothing.
    NoPermissions,
    /// To see it.
    Read,
    /// To see it, and to call it where it can be called.
    Use,
    /// To change it.
    Edit,
    /// To delete it, and to say who may do what with it.
    Manage,
}

/// What somebody wants to do with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To see it.
    Read,
    /// To call it.
    Use,
    /// To change it.
    Update,
    /// To delete it.
    Delete,
    /// To say who may do what with it.
    Manage,
    /// What everybody may do to whom it is not denied, such as to make a new one.
    NotDenied,
}

impl Permission {
    /// In the order of the reference's messages.
    const ALL: [Self; 6] =
        [Self::Read, Self::Use, Self::Edit, Self::Manage, Self::NoPermissions, Self::Deny];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "DENY",
            Self::NoPermissions => "NO_PERMISSIONS",
            Self::Read => "READ",
            Self::Use => "USE",
            Self::Edit => "EDIT",
            Self::Manage => "MANAGE",
        }
    }

    /// The permission with a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    /// The permission that a client or an operator names.
    pub fn parse(name: &str) -> Result<Self, InvalidParameter> {
        Self::from_name(name).ok_or_else(|| {
            let valid = tuple(Self::ALL.map(Self::name));
            InvalidParameter::new(format!(
                "Invalid permission '{name}'. Valid permissions are: {valid}"
            ))
        })
    }

    /// Whether it is enough for an action.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Read => self >= Self::Read,
            Action::Use => self >= Self::Use,
            Action::Update => self >= Self::Edit,
            Action::Delete | Action::Manage => self >= Self::Manage,
            Action::NotDenied => self != Self::Deny,
        }
    }

    /// The same, or `default` where that allows more; to whom something is denied, a default gives nothing.
    #[must_use]
    pub(super) fn or_default(self, default: Self) -> Self {
        if self <= Self::NoPermissions { self } else { self.max(default) }
    }
}

/// A kind of things on which permissions are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// The assessments of all traces.
    Assessment,
    /// An experiment, by its id.
    Experiment,
    /// An endpoint of the AI gateway.
    GatewayEndpoint,
    /// A model definition of the AI gateway.
    GatewayModelDefinition,
    /// A secret of the AI gateway.
    GatewaySecret,
    /// All logged models.
    LoggedModel,
    /// An MCP server, by its name.
    McpServer,
    /// The versions of all MCP servers.
    McpServerVersion,
    /// A prompt, by its name.
    Prompt,
    /// The versions of all prompts.
    PromptVersion,
    /// A registered model, by its name.
    RegisteredModel,
    /// The versions of all registered models.
    RegisteredModelVersion,
    /// All review queues.
    ReviewQueue,
    /// All runs.
    Run,
    /// A scorer, by its experiment and name.
    Scorer,
    /// The versions of all scorers.
    ScorerVersion,
    /// All traces.
    Trace,
    /// All there is.
    Workspace,
}

/// What may be granted on a thing, in the order of the reference's messages.
const ON_RESOURCES: [Permission; 5] =
    [Permission::Deny, Permission::Edit, Permission::Manage, Permission::Read, Permission::Use];

/// What may be granted on all there is.
const ON_WORKSPACE: [Permission; 2] = [Permission::Manage, Permission::Use];

impl ResourceType {
    /// What is in an experiment: it goes with it, and has grants for all of its kind.
    pub const IN_EXPERIMENTS: [Self; 7] = [
        Self::Run,
        Self::Trace,
        Self::LoggedModel,
        Self::Assessment,
        Self::ReviewQueue,
        Self::Scorer,
        Self::ScorerVersion,
    ];

    /// In the order of their names.
    const ALL: [Self; 18] = [
        Self::Assessment,
        Self::Experiment,
        Self::GatewayEndpoint,
        Self::GatewayModelDefinition,
        Self::GatewaySecret,
        Self::LoggedModel,
        Self::McpServer,
        Self::McpServerVersion,
        Self::Prompt,
        Self::PromptVersion,
        Self::RegisteredModel,
        Self::RegisteredModelVersion,
        Self::ReviewQueue,
        Self::Run,
        Self::Scorer,
        Self::ScorerVersion,
        Self::Trace,
        Self::Workspace,
    ];

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assessment => "assessment",
            Self::Experiment => "experiment",
            Self::GatewayEndpoint => "gateway_endpoint",
            Self::GatewayModelDefinition => "gateway_model_definition",
            Self::GatewaySecret => "gateway_secret",
            Self::LoggedModel => "logged_model",
            Self::McpServer => "mcp_server",
            Self::McpServerVersion => "mcp_server_version",
            Self::Prompt => "prompt",
            Self::PromptVersion => "prompt_version",
            Self::RegisteredModel => "registered_model",
            Self::RegisteredModelVersion => "registered_model_version",
            Self::ReviewQueue => "review_queue",
            Self::Run => "run",
            Self::Scorer => "scorer",
            Self::ScorerVersion => "scorer_version",
            Self::Trace => "trace",
            Self::Workspace => "workspace",
        }
    }

    /// The kind with a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that a client or an operator names.
    pub fn parse(name: &str) -> Result<Self, InvalidParameter> {
        Self::from_name(name).ok_or_else(|| {
            let valid = tuple(Self::ALL.map(Self::name));
            InvalidParameter::new(format!(
                "Invalid resource type '{name}'. Valid resource types are: {valid}"
            ))
        })
    }

    /// Whether a grant may name one of them; on the others it is for all.
    #[must_use]
    pub fn has_ids(self) -> bool {
        matches!(
            self,
            Self::Experiment
                | Self::GatewayEndpoint
                | Self::GatewayModelDefinition
                | Self::GatewaySecret
                | Self::McpServer
                | Self::Prompt
                | Self::RegisteredModel
                | Self::Scorer
        )
    }

    /// Refuses a pattern that no grant on this kind can have.
    pub fn check_pattern(self, pattern: &str) -> Result<(), InvalidParameter> {
        if pattern == "*" || self.has_ids() {
            return Ok(());
        }
        Err(InvalidParameter::new(format!(
            "Invalid resource_pattern '{pattern}' for resource_type='{}'. This resource type supports only wildcard \
             ('*') grants.",
            self.name()
        )))
    }

    /// Refuses a permission that can't be granted on this kind.
    pub fn check_permission(self, permission: Permission) -> Result<(), InvalidParameter> {
        let (kind, valid): (_, &[Permission]) = match self {
            Self::Workspace => ("Workspace-wide", &ON_WORKSPACE),
            _ => ("Resource-level", &ON_RESOURCES),
        };
        if valid.contains(&permission) {
            return Ok(());
        }
        let names = tuple(valid.iter().map(|permission| permission.name()));
        Err(InvalidParameter::new(format!(
            "Invalid permission '{}' for resource_type='{}'. {kind} grants accept only: {names}.",
            permission.name(),
            self.name()
        )))
    }
}

/// Texts as Python shows a tuple of them.
fn tuple(texts: impl IntoIterator<Item = &'static str>) -> String {
    let shown: Vec<String> = texts.into_iter().map(python::repr_str).collect();
    format!("({})", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in ResourceType::ALL {
            assert_eq!(ResourceType::parse(kind.name()), Ok(kind));
        }
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.name()), Ok(permission));
        }
        assert!(ResourceType::ALL.is_sorted_by_key(|kind| kind.name()));
    }

    #[test]
    fn mistakes_are_told_in_the_reference_s_words() {
        assert_eq!(
            Permission::parse("WRITE").unwrap_err().to_string(),
            "Invalid permission 'WRITE'. Valid permissions are: ('READ', 'USE', 'EDIT', 'MANAGE', 'NO_PERMISSIONS', \
             'DENY')"
        );
        assert_eq!(
            ResourceType::Workspace.check_permission(Permission::Read).unwrap_err().to_string(),
            "Invalid permission 'READ' for resource_type='workspace'. Workspace-wide grants accept only: ('MANAGE', \
             'USE')."
        );
        assert_eq!(
            ResourceType::Run.check_pattern("7").unwrap_err().to_string(),
            "Invalid resource_pattern '7' for resource_type='run'. This resource type supports only wildcard ('*') \
             grants."
        );
        assert!(ResourceType::Experiment.check_pattern("7").is_ok());
    }

    #[test]
    fn a_default_lifts_grants_but_no_denials() {
        use Permission::{Deny, Edit, NoPermissions, Read};
        assert_eq!(Read.or_default(Edit), Edit);
        assert_eq!(Edit.or_default(Read), Edit);
        assert_eq!(Deny.or_default(Edit), Deny);
        assert_eq!(NoPermissions.or_default(Edit), NoPermissions);
    }
}
