//! What an operator says of stores beside their URIs.

use crate::{ArtifactCache, Counters};
use std::{collections::HashMap, fmt};

/// How stores are reached: the variables that MLflow and the stores' own tools read, and mlferry's flags.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// Environment variables.
    pub variables: HashMap<String, String>,
    /// Address of the store for clients, where it differs from the server's: `--presigned-endpoint`.
    pub presigned_endpoint: Option<String>,
    /// Whether a store is opened without being asked whether it answers: `--no-destination-check`.
    pub is_unchecked: bool,
    /// What is downloaded is kept there: `--artifact-cache`.
    pub cache: Option<ArtifactCache>,
    /// What is counted of all stores that are opened with these settings.
    pub counters: Counters,
}

impl StoreSettings {
    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of the first of several variables that is set.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// What the environment says of where stores are, in a fixed order; it may hold secrets.
    pub(crate) fn endpoints(&self) -> Vec<(&str, &str)> {
        let says_where = |name: &str| {
            ["ENDPOINT", "EMULATOR", "CONNECTION"].iter().any(|part| name.contains(part))
        };
        let variables = self.variables.iter().filter(|(name, _)| says_where(name));
        let mut variables: Vec<_> = variables.map(|(name, value)| (&**name, &**value)).collect();
        variables.sort_unstable();
        variables
    }

    /// Whether a variable is set to what the reference takes for true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1"))
    }
}

/// Names only: values are secrets.
impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("variables", &self.variables.len())
            .field("presigned_endpoint", &self.presigned_endpoint)
            .field("is_unchecked", &self.is_unchecked)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
