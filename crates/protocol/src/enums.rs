//! Enumerations of the API: a name on the wire, and a number that requests may use instead.

/// An enumeration that requests name or number.
pub trait WireEnum: Copy + PartialEq + Sized + 'static {
    /// Each value with its number and its name.
    const VALUES: &'static [(Self, i64, &'static str)];

    /// The names of all values.
    #[must_use]
    fn names() -> Vec<&'static str> {
        Self::VALUES.iter().map(|(.., name)| *name).collect()
    }

    /// The value with this name.
    #[must_use]
    fn from_name(name: &str) -> Option<Self> {
        Self::VALUES.iter().find(|(_, _, known)| *known == name).map(|(value, ..)| *value)
    }

    /// The value with this number.
    #[must_use]
    fn from_number(number: i64) -> Option<Self> {
        Self::VALUES.iter().find(|(_, known, _)| *known == number).map(|(value, ..)| *value)
    }

    /// The number of this value.
    #[must_use]
    fn number(self) -> i64 {
        Self::VALUES.iter().find(|(value, ..)| *value == self).map_or(0, |(_, number, _)| *number)
    }

    /// The name of this value.
    #[must_use]
    fn name(self) -> &'static str {
        Self::VALUES.iter().find(|(value, ..)| *value == self).map_or("", |(.., name)| *name)
    }
}

/// Which of the deleted and the others a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewType {
    /// Those that are not deleted.
    #[default]
    ActiveOnly,
    /// Those that are deleted.
    DeletedOnly,
    /// Both.
    All,
}

impl WireEnum for ViewType {
    const VALUES: &'static [(Self, i64, &'static str)] = &[
        (Self::ActiveOnly, 1, "ACTIVE_ONLY"),
        (Self::DeletedOnly, 2, "DELETED_ONLY"),
        (Self::All, 3, "ALL"),
    ];
}
