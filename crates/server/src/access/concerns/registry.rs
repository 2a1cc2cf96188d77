//! What messages about registered models, prompts, their versions and webhooks concern.

use super::{Want, Wants, concern, only_operators};
use crate::access::Concerns;
use mlferry_protocol::{
    access::{Action, Grants, Requirement, ResourceType, Visible, VisibleNames},
    model_versions::{
        CreateModelVersion, DeleteModelVersion, DeleteModelVersionTag, GetModelVersion,
        GetModelVersionDownloadUri, SearchModelVersions, SetModelVersionTag,
        TransitionModelVersionStage, UpdateModelVersion,
    },
    registered_models::{
        CreateRegisteredModel, DeleteRegisteredModel, DeleteRegisteredModelAlias,
        DeleteRegisteredModelTag, GetLatestVersions, GetModelVersionByAlias, GetRegisteredModel,
        RenameRegisteredModel, SearchRegisteredModels, SetRegisteredModelAlias,
        SetRegisteredModelTag, UpdateRegisteredModel,
    },
    tags,
    webhooks::{
        CreateWebhook, DeleteWebhook, GetWebhook, ListWebhooks, TestWebhook, UpdateWebhook,
    },
};

concern! {
    CreateRegisteredModel => |it, wants| {
        let is_prompt = tags::are_of_prompt(&it.tags);
        let kind = if is_prompt { ResourceType::Prompt } else { ResourceType::RegisteredModel };
        wants.add(Want::New(kind, Some(it.name.clone())));
    };
    GetRegisteredModel => |it, wants| wants.version(&it.name);
    RenameRegisteredModel => |it, wants| {
        with_versions(&it.name, wants);
        // What was granted on the new name must not be got around.
        for kind in [ResourceType::RegisteredModel, ResourceType::Prompt] {
            wants.add(Want::New(kind, Some(it.new_name.clone())));
        }
    };
    UpdateRegisteredModel => |it, wants| with_versions(&it.name, wants);
    DeleteRegisteredModel => |it, wants| wants.add(Want::WholeModel(it.name.clone()));
    GetLatestVersions => |it, wants| wants.version(&it.name);
    SetRegisteredModelTag => |it, wants| tag(&it.name, &it.tag.key, wants);
    DeleteRegisteredModelTag => |it, wants| tag(&it.name, &it.key, wants);
    SetRegisteredModelAlias => |it, wants| with_versions(&it.name, wants);
    DeleteRegisteredModelAlias => |it, wants| with_versions(&it.name, wants);
    GetModelVersionByAlias => |it, wants| wants.version(&it.name);
    CreateModelVersion => |it, wants| wants.add(Want::NewVersion(Box::new(it.clone())));
    GetModelVersion => |it, wants| wants.version(&it.0.name);
    UpdateModelVersion => |it, wants| wants.version(&it.of.name);
    TransitionModelVersionStage => |it, wants| wants.version(&it.of.name);
    DeleteModelVersion => |it, wants| wants.version(&it.0.name);
    GetModelVersionDownloadUri => |it, wants| wants.version(&it.0.name);
    SetModelVersionTag => |it, wants| tag_of_version(&it.of.name, &it.tag.key, wants);
    DeleteModelVersionTag => |it, wants| tag_of_version(&it.of.name, &it.key, wants);
}

only_operators!(CreateWebhook, DeleteWebhook, GetWebhook, ListWebhooks, TestWebhook, UpdateWebhook);

/// A model, whose versions the answer tells or the request names.
fn with_versions(name: &str, wants: &mut Wants) {
    wants.model(name);
    wants.add(Want::Version(name.to_owned(), Action::Read));
}

/// A tag of a model. The one that makes a prompt of it moves it from those who may see models to those who may see prompts.
fn tag(name: &str, key: &str, wants: &mut Wants) {
    wants.model(name);
    if key == tags::IS_PROMPT_TAG {
        wants.operator();
    }
}

fn tag_of_version(name: &str, key: &str, wants: &mut Wants) {
    wants.version(name);
    if key == tags::IS_PROMPT_TAG {
        wants.operator();
    }
}

/// The names that somebody may see, where the answer tells of versions, too.
fn visible(grants: &Grants) -> VisibleNames {
    let of = |kind, versions| {
        let told = [versions, ResourceType::Run, ResourceType::LoggedModel];
        let is_met = |kind| grants.meet(&Requirement::on(kind, "*", Action::NotDenied));
        if told.into_iter().all(is_met) { grants.visible(kind) } else { Visible::nothing() }
    };
    VisibleNames {
        models: of(ResourceType::RegisteredModel, ResourceType::RegisteredModelVersion),
        prompts: of(ResourceType::Prompt, ResourceType::PromptVersion),
    }
}

impl Concerns for SearchRegisteredModels {
    fn concerns(&self, _: &mut Wants) {}

    fn narrow(&mut self, grants: &Grants) {
        self.visible = visible(grants);
    }
}

impl Concerns for SearchModelVersions {
    fn concerns(&self, _: &mut Wants) {}

    fn narrow(&mut self, grants: &Grants) {
        self.visible = visible(grants);
    }
}

/// The names of which somebody may see versions.
pub(crate) fn visible_names(grants: Option<&Grants>) -> VisibleNames {
    grants.map(visible).unwrap_or_default()
}
