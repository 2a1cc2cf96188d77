//! What can be wrong with users, roles, permissions and tokens; the text of an error is what a user reads.

use mlferry_protocol::ErrorCode;
use thiserror::Error;

/// What can be wrong with users, roles, permissions and tokens, in the reference's words.
#[derive(Debug, Error)]
pub enum AccessError {
    /// Nobody has this name.
    #[error("User with username={0} not found")]
    UserNotFound(String),
    /// Somebody else has this name.
    #[error("User (username={0}) already exists.")]
    UserExists(String),
    /// The name of somebody whom an identity provider vouches for is another one's.
    #[error(
        "The name '{0}' belongs to another user of this server: one with a password, or somebody else of the identity provider. \
         An operator can delete that user, or choose another claim for names."
    )]
    OtherUser(String),
    /// No token has this id.
    #[error("Token with id={0} not found")]
    TokenNotFound(String),
    /// There can be no new token.
    #[error("The system gives no random numbers, of which a token is made.")]
    NoRandomNumbers,
    /// No role has this number.
    #[error("Role with id={0} not found")]
    RoleNotFound(i64),
    /// Another role has this name.
    #[error("Role (name={name}, workspace={workspace}) already exists.")]
    RoleExists {
        /// The name.
        name: String,
        /// Where it is taken.
        workspace: String,
    },
    /// Another role has the name that a role is to get.
    #[error("Role with name={name} already exists in workspace={workspace}")]
    RoleNameTaken {
        /// The name.
        name: String,
        /// Where it is taken.
        workspace: String,
    },
    /// A role's name is one of those that belong to single users, and others have the role.
    #[error(
        "Role '{0}' has a name that belongs to one user, but others have the role, too. Rename or delete it before \
         granting permissions to the user."
    )]
    RoleOfOthers(String),
    /// Nothing that is granted has this number.
    #[error("Role permission with id={0} not found")]
    RolePermissionNotFound(i64),
    /// The role grants something on this already.
    #[error(
        "Role permission (role_id={role_id}, resource_type={kind}, resource_pattern={pattern}) already exists."
    )]
    RolePermissionExists {
        /// The role.
        role_id: i64,
        /// The kind of resource.
        kind: &'static str,
        /// Its id or name.
        pattern: String,
    },
    /// The user has the role already.
    #[error("User role assignment (user_id={user_id}, role_id={role_id}) already exists")]
    AssignmentExists {
        /// The user.
        user_id: i64,
        /// The role.
        role_id: i64,
    },
    /// The user does not have the role.
    #[error("User role assignment (user_id={user_id}, role_id={role_id}) not found")]
    AssignmentNotFound {
        /// The user.
        user_id: i64,
        /// The role.
        role_id: i64,
    },
    /// Something is granted to the user on this already.
    #[error(
        "Permission for user={username} on resource_type={kind}, resource_id={id} already exists."
    )]
    PermissionExists {
        /// The user.
        username: String,
        /// The kind of resource.
        kind: &'static str,
        /// Its id or name.
        id: String,
    },
    /// Nothing is granted to the user on this.
    #[error("Permission for user={username} on resource_type={kind}, resource_id={id} not found.")]
    PermissionNotFound {
        /// The user.
        username: String,
        /// The kind of resource.
        kind: &'static str,
        /// Its id or name.
        id: String,
    },
}

impl AccessError {
    /// The code that a client gets.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UserNotFound(_)
            | Self::TokenNotFound(_)
            | Self::RoleNotFound(_)
            | Self::RolePermissionNotFound(_)
            | Self::AssignmentNotFound { .. }
            | Self::PermissionNotFound { .. } => ErrorCode::ResourceDoesNotExist,
            Self::UserExists(_)
            | Self::RoleExists { .. }
            | Self::RoleNameTaken { .. }
            | Self::RolePermissionExists { .. }
            | Self::AssignmentExists { .. }
            | Self::PermissionExists { .. } => ErrorCode::ResourceAlreadyExists,
            Self::OtherUser(_) => ErrorCode::PermissionDenied,
            Self::NoRandomNumbers => ErrorCode::InternalError,
            Self::RoleOfOthers(_) => ErrorCode::InvalidParameterValue,
        }
    }
}
