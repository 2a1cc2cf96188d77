//! What a line of the table takes and answers. A handler of one message with one answer tells both by its type; what
//! others do stands beside their line (`others.rs`). A line without either does not compile.

use super::artifacts::AtPath;
use crate::{
    access::Caller,
    rpc::{Reply, Rpc},
};
use axum::extract::State;
use mlferry_protocol::{Message, MessageInfo};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a line does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    /// It takes a message and answers another one.
    Rpc {
        /// What it takes.
        message: MessageInfo,
        /// What it answers.
        answer: SchemaOf,
    },
    /// Something else.
    Other(&'static Other),
    /// Nothing: what the reference does there is left out.
    LeftOut(&'static str),
}

/// What a line does that is not told by the type of its handler.
#[derive(Debug)]
pub(crate) struct Other {
    /// What it does, in a few words.
    pub(crate) does: &'static str,
    /// What its query may say.
    pub(crate) query: &'static [Parameter],
    /// What its headers may say.
    pub(crate) headers: &'static [Parameter],
    /// The types of its body; none where it has no body.
    pub(crate) body: &'static [&'static str],
    /// Its answers where nothing is wrong.
    pub(crate) answers: &'static [(u16, Content)],
    /// Statuses of refusals beside those that every line has.
    pub(crate) refusals: &'static [u16],
}

/// A part of a query, or a header.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    /// What it says.
    pub(crate) says: &'static str,
}

/// What an answer holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    Empty,
    /// Bytes of this type.
    Bytes(&'static str),
    /// JSON.
    Json(SchemaOf),
}

/// A handler that tells by its type what it takes and answers; `T` tells the kinds of handlers apart.
pub(crate) trait Described<T> {
    /// What it does.
    fn operation() -> Operation;
}

/// Describes handlers of a state, of what else they look at, and of a message.
macro_rules! described {
    ($(($($extractor:ident),*);)+) => {$(
        impl<F, Answering, S, M, A> Described<(State<S>, $($extractor,)* Rpc<M>, A)> for F
        where
            F: Fn(State<S>, $($extractor,)* Rpc<M>) -> Answering,
            Answering: Future<Output = Reply<A>>,
            M: Message,
            A: JsonSchema,
        {
            fn operation() -> Operation {
                Operation::Rpc { message: M::INFO, answer: schema_of::<A> }
            }
        }
    )+};
}

described! {
    ();
    (Caller);
    (AtPath);
    (Caller, AtPath);
}

/// The schema of a type, by reference where it has a name.
pub(crate) fn schema_of<A: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<A>()
}
