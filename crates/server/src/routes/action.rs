//! How lines of the table are built: by a method, a path, who may call it, and a handler of what it needs.

use super::{
    Access, Info, Needs, Proxy, Route, RunArtifacts, SingleSignOn, Twins, Ui,
    described::{Described, Operation, Other},
};
use crate::{access::Authority, webhooks::Webhooks};
use axum::{
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};
use mlferry_store::Store;

/// A way to build a line: its method and handler, still without path and access.
pub(super) struct Action {
    method: Method,
    filter: MethodFilter,
}

pub(super) const GET: Action = Action { method: Method::GET, filter: MethodFilter::GET };
pub(super) const PUT: Action = Action { method: Method::PUT, filter: MethodFilter::PUT };
pub(super) const POST: Action = Action { method: Method::POST, filter: MethodFilter::POST };
pub(super) const PATCH: Action = Action { method: Method::PATCH, filter: MethodFilter::PATCH };
pub(super) const DELETE: Action = Action { method: Method::DELETE, filter: MethodFilter::DELETE };

impl Action {
    fn line(self, path: &'static str, access: Access, needs: Needs, operation: Operation) -> Route {
        Route {
            method: self.method,
            twins: Twins::Both,
            path,
            access,
            needs,
            is_for_artifacts: false,
            operation,
        }
    }
}

/// Lines whose handlers tell by their type what they do.
macro_rules! described {
    ($($name:ident: $state:ty => $needs:ident;)+) => {
        impl Action {$(
            pub(super) fn $name<H, T, D>(
                self,
                path: &'static str,
                access: Access,
                handler: H,
            ) -> Route
            where
                H: Handler<T, $state> + Described<D>,
                T: 'static,
            {
                let needs = Needs::$needs(on(self.filter, handler));
                self.line(path, access, needs, H::operation())
            }
        )+}
    };
}

/// Lines beside which it stands what they do.
macro_rules! others {
    ($($name:ident: $state:ty => $needs:ident;)+) => {
        impl Action {$(
            pub(super) fn $name<H, T>(
                self,
                path: &'static str,
                access: Access,
                does: &'static Other,
                handler: H,
            ) -> Route
            where
                H: Handler<T, $state>,
                T: 'static,
            {
                let needs = Needs::$needs(on(self.filter, handler));
                self.line(path, access, needs, Operation::Other(does))
            }
        )+}
    };
}

described! {
    proxy: Proxy => Artifacts;
    records: Store => Records;
    both: RunArtifacts => Both;
    users: Authority => Users;
    webhooks: Webhooks => Webhooks;
}

others! {
    info: Info => Nothing;
    page: Ui => Page;
    proxy_as: Proxy => Artifacts;
    records_as: Store => Records;
    both_as: RunArtifacts => Both;
    users_as: Authority => Users;
    sign_on: SingleSignOn => SignOn;
}
