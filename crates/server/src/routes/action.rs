//! How lines of the table are built: by a method, a path, who may call it, and a handler of what it needs.

use super::{
    Access, Info, Needs, Proxy, Route, RunArtifacts, Twins, Ui,
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
        Route { method: self.method, twins: Twins::Both, path, access, needs, operation }
    }

    pub(super) fn info<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, Info>,
        T: 'static,
    {
        let needs = Needs::Nothing(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn page<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, Ui>,
        T: 'static,
    {
        let needs = Needs::Page(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn proxy<H, T, D>(self, path: &'static str, access: Access, handler: H) -> Route
    where
        H: Handler<T, Proxy> + Described<D>,
        T: 'static,
    {
        let needs = Needs::Artifacts(on(self.filter, handler));
        self.line(path, access, needs, H::operation())
    }

    pub(super) fn proxy_as<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, Proxy>,
        T: 'static,
    {
        let needs = Needs::Artifacts(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn records<H, T, D>(self, path: &'static str, access: Access, handler: H) -> Route
    where
        H: Handler<T, Store> + Described<D>,
        T: 'static,
    {
        let needs = Needs::Records(on(self.filter, handler));
        self.line(path, access, needs, H::operation())
    }

    pub(super) fn records_as<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, Store>,
        T: 'static,
    {
        let needs = Needs::Records(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn both<H, T, D>(self, path: &'static str, access: Access, handler: H) -> Route
    where
        H: Handler<T, RunArtifacts> + Described<D>,
        T: 'static,
    {
        let needs = Needs::Both(on(self.filter, handler));
        self.line(path, access, needs, H::operation())
    }

    pub(super) fn both_as<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, RunArtifacts>,
        T: 'static,
    {
        let needs = Needs::Both(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn users<H, T, D>(self, path: &'static str, access: Access, handler: H) -> Route
    where
        H: Handler<T, Authority> + Described<D>,
        T: 'static,
    {
        let needs = Needs::Users(on(self.filter, handler));
        self.line(path, access, needs, H::operation())
    }

    pub(super) fn users_as<H, T>(
        self,
        path: &'static str,
        access: Access,
        does: &'static Other,
        handler: H,
    ) -> Route
    where
        H: Handler<T, Authority>,
        T: 'static,
    {
        let needs = Needs::Users(on(self.filter, handler));
        self.line(path, access, needs, Operation::Other(does))
    }

    pub(super) fn webhooks<H, T, D>(self, path: &'static str, access: Access, handler: H) -> Route
    where
        H: Handler<T, Webhooks> + Described<D>,
        T: 'static,
    {
        let needs = Needs::Webhooks(on(self.filter, handler));
        self.line(path, access, needs, H::operation())
    }
}
