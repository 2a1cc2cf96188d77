//! The page on which those who may make users do so in a browser.

use crate::{
    access::{Authority, Caller, Want},
    bodies::{Share, collect},
    error::ApiError,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use mlferry_protocol::{ErrorCode, access::CreateUser};

/// Bytes of the form at most: a name and a password, each letter of which may take three times as much on the way.
const FORM_BYTES: usize = 16 * 1024;

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The form. Its address is relative, so that a prefix counts; pages of other sites can't send it (`doors`).
const FORM: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sign up</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
input { display: block; box-sizing: border-box; width: 100%; margin: 0 0 1rem; padding: .5rem; font: inherit }
</style>
<h1>New user</h1>
<form action="api/2.0/mlflow/users/create-ui" method="post">
<label for="username">Username</label>
<input type="text" id="username" name="username" autocomplete="off" required maxlength="255">
<label for="password">Password, at least 12 characters</label>
<input type="password" id="password" name="password" autocomplete="new-password" required minlength="12">
<input type="submit" value="Sign up">
</form>
</html>
"#;

/// What is shown afterwards.
const DONE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signed up</title>\
     <p>The user was made. <a href=\"../../../../\">To the start page</a>.</p></html>";

pub(super) async fn form(caller: Caller) -> Result<Html<&'static str>, ApiError> {
    caller.judge(|wants| wants.add(Want::Manager)).await?;
    Ok(Html(FORM))
}

pub(super) async fn create(
    State(authority): State<Authority>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    if !is_of_own_page(request.headers()) {
        return Err(ApiError::forbidden());
    }
    caller.judge(|wants| wants.add(Want::Manager)).await?;
    let refuse =
        |message: &str| ApiError::plain(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, message);
    let media_type = request.headers().get(header::CONTENT_TYPE);
    if media_type.is_none_or(|value| value != FORM_TYPE) {
        return Err(refuse("Invalid content type. Must be application/x-www-form-urlencoded"));
    }
    let share = Share::of(request.extensions());
    let body = collect(&share, request.into_body(), FORM_BYTES).await?;
    let field = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(&body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let (username, password) = (field("username"), field("password"));
    if username.is_empty() || password.is_empty() {
        return Err(refuse("Username and password cannot be empty."));
    }
    let CreateUser { username, password } = CreateUser::new(username, password)?;
    let hash = authority.hash(password).await?;
    authority.change(authority.users().create_user(username, hash, false)).await?;
    Ok(Html(DONE).into_response())
}

/// Whether a form was not sent by a page of another site, whatever pages the operator lets call the API: browsers send along who
/// signed in here.
fn is_of_own_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_none_or(|site| site == "same-origin" || site == "none")
}
