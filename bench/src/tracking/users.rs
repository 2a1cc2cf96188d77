//! The user who makes the calls where a server has users: no operator, so that each call is judged.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::json;

use super::calls::{Api, Target};

/// The password of the operator and of the user.
pub(super) const PASSWORD: &str = "a long benchmark";

/// `bench`, with that password, as HTTP Basic has it.
pub(super) const AUTHORIZATION: &str = "Basic YmVuY2g6YSBsb25nIGJlbmNobWFyaw==";

/// The operator.
const OPERATOR: &str = "Basic YWRtaW46YSBsb25nIGJlbmNobWFyaw==";

/// Makes the user.
pub(super) async fn make(address: SocketAddr) -> Result<()> {
    let target = Target { address, may_fail: false, authorization: Some(OPERATOR) };
    let mut api = Api::open(target).await?;
    api.post("users/create", &json!({ "username": "bench", "password": PASSWORD })).await?;
    Ok(())
}
