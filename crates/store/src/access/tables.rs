//! Names of tables and columns of the database of users, as MLflow's schema has them.

use sea_query::Iden;

#[derive(Iden, Clone, Copy)]
pub(super) enum AlembicVersionAuth {
    Table,
    VersionNum,
}

#[derive(Iden, Clone, Copy)]
pub(super) enum Users {
    Table,
    Id,
    Username,
    PasswordHash,
    IsAdmin,
}

#[derive(Iden, Clone, Copy)]
pub(super) enum Roles {
    Table,
    Id,
    Name,
    Workspace,
    Description,
}

#[derive(Iden, Clone, Copy)]
pub(super) enum RolePermissions {
    Table,
    Id,
    RoleId,
    ResourceType,
    ResourcePattern,
    Permission,
}

#[derive(Iden, Clone, Copy)]
pub(super) enum UserRoleAssignments {
    Table,
    Id,
    UserId,
    RoleId,
}

/// A table of our own, which names users by number and name, and refers to nothing: none of MLflow's migrations finds it in the way.
#[derive(Iden, Clone, Copy)]
pub(super) enum MlferryTokens {
    Table,
    Id,
    Digest,
    UserId,
    Username,
    Name,
    Scope,
    ExperimentIds,
    CreatedMs,
    ExpiresMs,
}

/// A column that all tables of older releases have, which name a user; these tables are kept, and no longer read.
#[derive(Iden, Clone, Copy)]
pub(super) enum OldPermissions {
    UserId,
}

/// The names of those tables.
pub(super) const OLD_TABLES: [&str; 7] = [
    "experiment_permissions",
    "registered_model_permissions",
    "scorer_permissions",
    "gateway_secret_permissions",
    "gateway_endpoint_permissions",
    "gateway_model_definition_permissions",
    "workspace_permissions",
];
