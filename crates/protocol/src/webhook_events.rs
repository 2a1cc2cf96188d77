//! What webhooks can be told of.

use crate::{InvalidParameter, WireEnum, python, times::python_now};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Value, json};

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEntity {
    /// A registered model.
    RegisteredModel,
    /// A version of one.
    ModelVersion,
    /// A tag of such a version.
    ModelVersionTag,
    /// Another name of such a version.
    ModelVersionAlias,
    /// A prompt.
    Prompt,
    /// A version of one.
    PromptVersion,
    /// A tag of a prompt.
    PromptTag,
    /// A tag of a prompt's version.
    PromptVersionTag,
    /// Another name of a prompt's version.
    PromptAlias,
    /// A budget of the gateway.
    BudgetPolicy,
}

impl WireEnum for WebhookEntity {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::RegisteredModel, 1, "REGISTERED_MODEL"),
        (Self::ModelVersion, 2, "MODEL_VERSION"),
        (Self::ModelVersionTag, 3, "MODEL_VERSION_TAG"),
        (Self::ModelVersionAlias, 4, "MODEL_VERSION_ALIAS"),
        (Self::Prompt, 5, "PROMPT"),
        (Self::PromptVersion, 6, "PROMPT_VERSION"),
        (Self::PromptTag, 7, "PROMPT_TAG"),
        (Self::PromptVersionTag, 8, "PROMPT_VERSION_TAG"),
        (Self::PromptAlias, 9, "PROMPT_ALIAS"),
        (Self::BudgetPolicy, 10, "BUDGET_POLICY"),
    ];
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookAction {
    /// It was made.
    Created,
    /// It was changed; nothing tells of that yet.
    Updated,
    /// It was removed.
    Deleted,
    /// It got a value.
    Set,
    /// Its limit was passed.
    Exceeded,
}

impl WireEnum for WebhookAction {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::Created, 1, "CREATED"),
        (Self::Updated, 2, "UPDATED"),
        (Self::Deleted, 3, "DELETED"),
        (Self::Set, 4, "SET"),
        (Self::Exceeded, 5, "EXCEEDED"),
    ];
}

/// A kind of change that webhooks can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookEvent {
    entity: WebhookEntity,
    action: WebhookAction,
}

impl WebhookEvent {
    /// All that there are.
    const ALL: [Self; 15] = [
        Self::of(WebhookEntity::RegisteredModel, WebhookAction::Created),
        Self::of(WebhookEntity::ModelVersion, WebhookAction::Created),
        Self::of(WebhookEntity::ModelVersionTag, WebhookAction::Deleted),
        Self::of(WebhookEntity::ModelVersionTag, WebhookAction::Set),
        Self::of(WebhookEntity::ModelVersionAlias, WebhookAction::Created),
        Self::of(WebhookEntity::ModelVersionAlias, WebhookAction::Deleted),
        Self::of(WebhookEntity::Prompt, WebhookAction::Created),
        Self::of(WebhookEntity::PromptVersion, WebhookAction::Created),
        Self::of(WebhookEntity::PromptTag, WebhookAction::Deleted),
        Self::of(WebhookEntity::PromptTag, WebhookAction::Set),
        Self::of(WebhookEntity::PromptVersionTag, WebhookAction::Deleted),
        Self::of(WebhookEntity::PromptVersionTag, WebhookAction::Set),
        Self::of(WebhookEntity::PromptAlias, WebhookAction::Created),
        Self::of(WebhookEntity::PromptAlias, WebhookAction::Deleted),
        Self::of(WebhookEntity::BudgetPolicy, WebhookAction::Exceeded),
    ];

    const fn of(entity: WebhookEntity, action: WebhookAction) -> Self {
        Self { entity, action }
    }

    /// The event, if such things happen to such an entity.
    pub fn new(entity: WebhookEntity, action: WebhookAction) -> Result<Self, InvalidParameter> {
        let event = Self { entity, action };
        if Self::ALL.contains(&event) {
            return Ok(event);
        }
        let known = Self::ALL.iter().filter(|known| known.entity == entity);
        let actions: Vec<String> = known.map(|known| known.action_name()).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        Err(InvalidParameter::new(format!(
            "Invalid action '{}' for entity '{}'. Valid actions are: {}",
            event.action_name(),
            event.entity_name(),
            python::repr_list(&actions)
        )))
    }

    /// The event that names in the database stand for.
    #[must_use]
    pub fn from_names(entity: &str, action: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|event| event.entity_name() == entity && event.action_name() == action)
    }

    /// What it is about, as messages and the database name it: `model_version`.
    #[must_use]
    pub fn entity_name(self) -> String {
        self.entity.name().to_ascii_lowercase()
    }

    /// What happened, as messages and the database name it: `created`.
    #[must_use]
    pub fn action_name(self) -> String {
        self.action.name().to_ascii_lowercase()
    }

    /// The message that tells a webhook of it, as Python writes JSON; signatures are made of it.
    #[must_use]
    pub fn message(self, data: &Value) -> String {
        python::dumps(&json!({
            "entity": self.entity_name(),
            "action": self.action_name(),
            "timestamp": python_now(),
            "data": data,
        }))
    }

    /// What tests send of it.
    #[must_use]
    pub fn example(self) -> Value {
        use WebhookAction::{Created, Set};
        use WebhookEntity as On;

        let thing = if self.is_about_prompts() { "prompt" } else { "model" };
        let name = format!("example_{thing}");
        let tags = json!({"example_key": "example_value"});
        match (self.entity, self.action) {
            (On::RegisteredModel, _) => {
                json!({"name": name, "tags": tags, "description": "An example registered model"})
            }
            (On::Prompt, _) => {
                json!({"name": name, "tags": tags, "description": "An example prompt"})
            }
            (On::ModelVersion, _) => json!({
                "name": name,
                "version": "1",
                "source": "models:/123",
                "run_id": "abcd1234abcd5678",
                "tags": tags,
                "description": "An example model version",
            }),
            (On::PromptVersion, _) => json!({
                "name": name,
                "version": "1",
                "template": "Hello {{name}}!",
                "tags": tags,
                "description": "An example prompt version",
            }),
            (On::PromptTag, Set) => {
                json!({"name": name, "key": "example_key", "value": "example_value"})
            }
            (On::PromptTag, _) => json!({"name": name, "key": "example_key"}),
            (On::ModelVersionTag | On::PromptVersionTag, Set) => json!({
                "name": name,
                "version": "1",
                "key": "example_key",
                "value": "example_value",
            }),
            (On::ModelVersionTag | On::PromptVersionTag, _) => {
                json!({"name": name, "version": "1", "key": "example_key"})
            }
            (On::ModelVersionAlias | On::PromptAlias, Created) => {
                json!({"name": name, "alias": "example_alias", "version": "1"})
            }
            (On::ModelVersionAlias | On::PromptAlias, _) => {
                json!({"name": name, "alias": "example_alias"})
            }
            (On::BudgetPolicy, _) => json!({
                "budget_policy_id": "bp-abc123",
                "budget_unit": "USD",
                "budget_amount": 100.0,
                "current_spend": 105.5,
                "duration_unit": "MONTHS",
                "duration_value": 1,
                "target_scope": "ENDPOINT",
                "workspace": "default",
                "target_value": "ep-abc123",
                "window_start": 1_704_067_200_000_i64,
            }),
        }
    }

    fn is_about_prompts(self) -> bool {
        matches!(
            self.entity,
            WebhookEntity::Prompt
                | WebhookEntity::PromptVersion
                | WebhookEntity::PromptTag
                | WebhookEntity::PromptVersionTag
                | WebhookEntity::PromptAlias
        )
    }
}

impl Serialize for WebhookEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("WebhookEvent", 2)?;
        event.serialize_field("entity", self.entity.name())?;
        event.serialize_field("action", self.action.name())?;
        event.end()
    }
}

/// A change of the model registry; what it is called depends on whether a model or a prompt changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryChange {
    /// A model or a prompt was made.
    Created,
    /// It got a tag; only webhooks for prompts are told.
    TagSet,
    /// It lost a tag; only webhooks for prompts are told.
    TagDeleted,
    /// A version of it was made.
    VersionCreated,
    /// A version of it got a tag.
    VersionTagSet,
    /// A version of it lost a tag.
    VersionTagDeleted,
    /// A version of it got another name.
    AliasSet,
    /// A version of it lost another name.
    AliasDeleted,
}

impl RegistryChange {
    /// What webhooks are told of, if anything.
    #[must_use]
    pub fn event(self, is_prompt: bool) -> Option<WebhookEvent> {
        use WebhookAction::{Created, Deleted, Set};
        use WebhookEntity as On;

        let (model, prompt, action) = match self {
            Self::Created => (Some(On::RegisteredModel), On::Prompt, Created),
            Self::TagSet => (None, On::PromptTag, Set),
            Self::TagDeleted => (None, On::PromptTag, Deleted),
            Self::VersionCreated => (Some(On::ModelVersion), On::PromptVersion, Created),
            Self::VersionTagSet => (Some(On::ModelVersionTag), On::PromptVersionTag, Set),
            Self::VersionTagDeleted => (Some(On::ModelVersionTag), On::PromptVersionTag, Deleted),
            Self::AliasSet => (Some(On::ModelVersionAlias), On::PromptAlias, Created),
            Self::AliasDeleted => (Some(On::ModelVersionAlias), On::PromptAlias, Deleted),
        };
        let entity = if is_prompt { Some(prompt) } else { model };
        entity.map(|entity| WebhookEvent::of(entity, action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_happen_is_no_event() {
        let refused = WebhookEvent::new(WebhookEntity::PromptTag, WebhookAction::Created);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']"
        );
    }

    #[test]
    fn events_are_found_by_their_names() {
        for event in WebhookEvent::ALL {
            let found = WebhookEvent::from_names(&event.entity_name(), &event.action_name());
            assert_eq!(found, Some(event));
        }
        assert_eq!(WebhookEvent::from_names("prompt", "set"), None);
    }
}
