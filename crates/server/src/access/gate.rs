//! The gate before each line of the route table: who comes, and whether a handler judged what is answered.

use super::{Authority, Caller, audit::Watched, sign_in::name_in};
use crate::{error::ApiError, observe::Exchange, routes::Access};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use mlferry_protocol::{
    WireEnum,
    access::{Token, TokenScope},
};
use std::{net::IpAddr, sync::Arc};

/// The address of whoever is connected; absent where it has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

/// On the answer to somebody who has signed on just now: the name of the user.
#[derive(Debug, Clone)]
pub(crate) struct SignedOnAs(pub(crate) String);

/// One line of the table, and who knows its callers.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) authority: Authority,
    pub(crate) line: Line,
}

/// What the gate knows of a line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) access: Access,
    /// Whether its method is one that changes nothing.
    pub(crate) is_get: bool,
    /// Whether it is about users, roles and tokens.
    pub(crate) is_about_users: bool,
    /// Whether clients call it on their way to artifacts.
    pub(crate) is_for_artifacts: bool,
}

impl Line {
    /// Whether a token is good for it. None makes users, grants or other tokens, so that one that was stolen can be revoked.
    pub(crate) fn is_open_to(self, scope: TokenScope) -> bool {
        match scope {
            _ if self.access == Access::Anyone => true,
            TokenScope::Read => self.only_shows(),
            TokenScope::Write => self.only_shows() || !self.is_about_users,
            TokenScope::Artifacts => self.is_for_artifacts,
        }
    }

    /// Whether it changes nothing.
    pub(super) fn only_shows(self) -> bool {
        match self.access {
            Access::Anyone | Access::Read => true,
            Access::SignedIn | Access::Operate => self.is_get,
            Access::Edit | Access::Delete => false,
        }
    }
}

/// Lets a request in, if it comes from somebody who may call this line at all, and writes down what became of it.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<Peer>().and_then(|peer| peer.0);
    let log = gate.authority.0.audit_log.clone();
    let is_told = gate.line.access != Access::Anyone || gate.line.is_about_users;
    let Some(log) = log.filter(|_| is_told) else {
        return judged(&gate, address, request, next, &mut None).await;
    };
    let mut watched = Watched {
        log,
        line: gate.line,
        method: request.method().clone(),
        exchange: request.extensions().get::<Arc<Exchange>>().cloned(),
        address,
        said: name_in(request.headers()),
        caller: None,
        status: None,
        has_signed_on: false,
    };
    let response = judged(&gate, address, request, next, &mut watched.caller).await;
    if let Some(SignedOnAs(name)) = response.extensions().get() {
        (watched.said, watched.has_signed_on) = (Some(name.clone()), true);
    }
    watched.status = Some(response.status());
    response
}

/// The answer. Who asks is told as soon as it is found out.
async fn judged(
    gate: &Gate,
    address: Option<IpAddr>,
    mut request: Request,
    next: Next,
    asks: &mut Option<Caller>,
) -> Response {
    let Gate { authority, line } = gate;
    if line.access == Access::Anyone {
        request.extensions_mut().insert(Caller::nobody());
        return next.run(request).await;
    }
    let identity = match authority.identify(request.headers(), address).await {
        Ok(identity) => identity,
        Err(refusal) => return authority.turn_away(refusal, &request),
    };
    let caller = Caller::user(authority.clone(), Arc::clone(&identity), line.access);
    *asks = Some(caller.clone());
    if let Some(token) = identity.token.as_ref().filter(|token| !line.is_open_to(token.scope)) {
        return beyond(token).into_response();
    }
    if line.access == Access::Operate && !identity.user.is_admin {
        return ApiError::forbidden().into_response();
    }
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    if is_refused || caller.was_judged() {
        return response;
    }
    tracing::error!(
        "a handler answered without asking whether the caller may know; please report this"
    );
    ApiError::forbidden().into_response()
}

fn beyond(token: &Token) -> ApiError {
    let Token { name, scope, .. } = token;
    let scope = scope.name();
    ApiError::forbidden_because(format!(
        "the token '{name}' is good for {scope}, which this is not"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenScope::{Artifacts, Read, Write};

    #[test]
    fn tokens_open_what_their_scope_says() {
        let line = |access, is_get| Line {
            access,
            is_get,
            is_about_users: false,
            is_for_artifacts: false,
        };
        let open = |line: Line| [Read, Write, Artifacts].map(|scope| line.is_open_to(scope));
        assert_eq!(open(line(Access::Read, true)), [true, true, false]);
        // A search is asked with POST.
        assert_eq!(open(line(Access::Read, false)), [true, true, false]);
        assert_eq!(open(line(Access::Edit, false)), [false, true, false]);
        assert_eq!(open(line(Access::Delete, false)), [false, true, false]);
        assert_eq!(open(line(Access::Operate, true)), [true, true, false]);
        assert_eq!(open(line(Access::Operate, false)), [false, true, false]);
        let of_users = |is_get| Line { is_about_users: true, ..line(Access::SignedIn, is_get) };
        assert_eq!(open(of_users(true)), [true, true, false]);
        assert_eq!(open(of_users(false)), [false, false, false]);
        let of_artifacts = |access| Line { is_for_artifacts: true, ..line(access, false) };
        assert_eq!(open(of_artifacts(Access::Read)), [true, true, true]);
        assert_eq!(open(of_artifacts(Access::Delete)), [false, true, true]);
    }
}
