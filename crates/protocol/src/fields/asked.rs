//! What a message asks its fields for, noted while an example of it is read.

use std::sync::{Arc, Mutex, PoisonError};

/// What the values of a field are; `N` is what is known of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind<N> {
    /// A text.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A double.
    Number,
    /// True or false.
    Boolean,
    /// One of these names.
    Names(Vec<&'static str>),
    /// A list of texts.
    Texts,
    /// An object whose values are texts.
    TextsByName,
    /// An object with these fields.
    Object(N),
    /// A list of objects with these fields.
    Objects(N),
    /// Any object.
    AnyObject,
    /// Any JSON value.
    Anything,
}

/// The fields that were asked for, in the order in which they were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<AskedField>>>);

/// A field that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct AskedField {
    pub(crate) name: String,
    pub(crate) kind: FieldKind<Asked>,
    /// Whether the body must say it, too, where the path does.
    pub(crate) is_repeated: bool,
}

impl Asked {
    /// The fields that were asked for so far.
    pub(crate) fn fields(&self) -> Vec<AskedField> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, name: &str, kind: FieldKind<Asked>, is_repeated: bool) {
        let mut fields = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fields.iter_mut().find(|field| field.name == name) {
            Some(known) => known.is_repeated |= is_repeated,
            None => fields.push(AskedField { name: name.to_owned(), kind, is_repeated }),
        }
    }

    /// What is asked for of an object, or of all objects of a list.
    pub(super) fn within(&self, name: &str, is_list: bool) -> Self {
        let inner = Self::default();
        let kind = if is_list { FieldKind::Objects } else { FieldKind::Object };
        self.note(name, kind(inner), false);
        let known = self.fields().into_iter().find(|field| field.name == name);
        match known.map(|field| field.kind) {
            Some(FieldKind::Object(known) | FieldKind::Objects(known)) => known,
            _ => Self::default(),
        }
    }
}
