"""Single sign-on: people with a browser, and programs with tokens, by way of a real provider."""

from __future__ import annotations

import base64
import json
import time

import mlflow
import pytest

from accounts import ADMIN, ROLES, USERS, Accounts, basic, bearer, environment, environment_of
from databases import kinds, uri_of
from harness import API, Server
from identity_provider import SECRET, IdentityProvider, Visitor, serve

CALLER = "/ajax-api/3.0/mlferry/caller"
GROUPS = ("--oidc-group-roles", "ml=editors,guests=readers", "--oidc-admin-groups", "ops")


@pytest.fixture
def provider(tmp_path):
    people = {"alice": {"groups": ["ml"]}, "bob": {"groups": ["guests", "others"]}, "root": {"groups": ["ops"]}}
    with IdentityProvider(tmp_path, **people, robot={"groups": ["ml"]}) as provider:
        yield provider


@pytest.fixture(params=kinds("sign on"))
def users(request, tmp_path):
    """The variables of a server whose users are in a database of either kind."""
    return environment_of(tmp_path, uri_of(request, tmp_path))


def make_roles(accounts: Accounts) -> str:
    """The roles of groups: readers and editors of an experiment, whose id this is."""
    experiment = accounts.must(ADMIN, "POST", f"{API}/experiments/create", {"name": "of the team"})["experiment_id"]
    for name, permission in (("readers", "READ"), ("editors", "EDIT"), ("by hand", "READ")):
        role = accounts.must(ADMIN, "POST", f"{ROLES}/create", {"name": name, "workspace": "default"})["role"]["id"]
        grant = {"role_id": role, "resource_type": "experiment", "resource_pattern": experiment}
        accounts.must(ADMIN, "POST", f"{ROLES}/permissions/add", grant | {"permission": permission})
    return experiment


def roles_of(accounts: Accounts, name: str) -> set[str]:
    return {
        role["name"] for role in accounts.must(ADMIN, "GET", "/api/3.0/mlflow/users/roles/list", username=name)["roles"]
    }


@pytest.mark.parametrize("client", ["mlferry", "public"])
def test_somebody_signs_on_looks_and_signs_out(provider, tmp_path, client):
    audit = tmp_path / "audit.log"
    with serve(provider, tmp_path, *GROUPS, "--audit-log", str(audit), client=client) as server:
        accounts = Accounts(server)
        experiment = make_roles(accounts)
        browser = Visitor(server)
        there = browser.sign_on("alice", to="/metrics?a=b%20c", until="/metrics")
        assert there.headers["location"] == "/metrics?a=b%20c"
        cookie = there.headers["set-cookie"]
        assert "mlferry_session=mlferrysession_" in cookie
        assert "; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax" in cookie
        assert browser.step("GET", "/").status_code == 200
        assert browser.caller().json() == {"username": "alice", "is_admin": False, "has_session": True}
        # The session says who it is in the API, too, and with the permissions of the role.
        changed = browser.step("POST", f"{API}/experiments/update", json={"experiment_id": experiment, "new_name": "n"})
        assert changed.status_code == 200, changed.text
        gone = browser.step("POST", f"{API}/experiments/delete", json={"experiment_id": experiment})
        assert gone.status_code == 403
        session = browser.cookies["mlferry_session"]
        out = browser.step("POST", "/oidc/logout")
        assert out.status_code == 200, out.text
        assert out.json()["location"].startswith(f"{provider.issuer}/session/end?client_id={client}")
        assert "mlferry_session=; Path=/; Max-Age=0" in out.headers["set-cookie"]
        browser.cookies.set("mlferry_session", session)
        assert browser.caller().status_code == 401
        lines = [json.loads(line) for line in audit.read_text().splitlines()]
        assert [(line["route"], line["status"]) for line in lines if line.get("user") == "alice"] == [
            ("/oidc/callback", 303),
            (f"{API}/experiments/update", 200),
            (f"{API}/experiments/delete", 403),
            ("/oidc/logout", 200),
        ]
        assert session not in server.log + audit.read_text()
        assert SECRET not in server.log


def test_groups_become_roles_each_time(provider, tmp_path, users):
    with serve(provider, tmp_path, *GROUPS, users=users) as server:
        accounts = Accounts(server)
        make_roles(accounts)
        for name in ("alice", "bob", "root"):
            assert Visitor(server).sign_on(name).status_code == 200
        assert [roles_of(accounts, name) for name in ("alice", "bob", "root")] == [{"editors"}, {"readers"}, set()]
        admins = {user["username"]: user["is_admin"] for user in accounts.must(ADMIN, "GET", f"{USERS}/list")["users"]}
        assert admins == {ADMIN: True, "alice": False, "bob": False, "root": True}
        # What an operator gives stays; what a group gives goes with the group.
        by_hand = next(
            r
            for r in accounts.must(ADMIN, "GET", f"{ROLES}/list", workspace="default")["roles"]
            if r["name"] == "by hand"
        )
        accounts.must(ADMIN, "POST", f"{ROLES}/assign", {"username": "alice", "role_id": by_hand["id"]})
        provider.say(alice={"groups": "guests"}, root={"groups": []})
        for name in ("alice", "root"):
            assert Visitor(server).sign_on(name).status_code == 200
        assert roles_of(accounts, "alice") == {"readers", "by hand"}
        assert accounts.must(ADMIN, "GET", f"{USERS}/get", username="root")["user"]["is_admin"] is False


def test_a_name_is_nobody_else_s(provider, tmp_path):
    with serve(provider, tmp_path) as server:
        accounts = Accounts(server)
        accounts.add("carol")
        for name in ("carol", ADMIN):
            refused = Visitor(server).sign_on(name)
            assert refused.status_code == 403
            assert f"The name '{name}' belongs to another user" in refused.json()["message"]
        assert Visitor(server).sign_on("alice").status_code == 200
        # Somebody else of the provider gets the name of one who left.
        provider.say(mallory={"preferred_username": "alice"})
        assert Visitor(server).sign_on("mallory").status_code == 403
        # Nobody gets in with a password that such a user never had.
        assert accounts.send("alice", "GET", CALLER).status == 401
        provider.say(alice={"preferred_username": "a:b"}, eve={"preferred_username": None})
        for name in ("alice", "eve"):
            refused = Visitor(server).sign_on(name)
            assert (refused.status_code, "can't be used" in refused.text) == (403, True)
        assert "'a:b' can't be the name of a user" in server.log
        assert "it has no text in the claim 'preferred_username'" in server.log


def test_without_a_session_people_are_sent_to_sign_on_and_programs_are_told(provider, tmp_path):
    with serve(provider, tmp_path) as server:
        browser = Visitor(server)
        sent = browser.step("GET", "/")
        assert (sent.status_code, sent.headers["location"]) == (303, "/oidc/login?to=%2F")
        asked = browser.step("GET", sent.headers["location"])
        assert asked.headers["location"].startswith(f"{provider.issuer}/auth?response_type=code&client_id=mlferry&")
        assert "code_challenge_method=S256" in asked.headers["location"]
        # A script of the page is told so that no browser asks for a password; a program, that there are passwords.
        assert browser.caller().headers["www-authenticate"] == 'Bearer realm="mlflow"'
        assert server.get(CALLER).headers["www-authenticate"] == 'Basic realm="mlflow"'
        assert server.get(CALLER, basic(ADMIN)).status == 200
        assert browser.step("POST", "/").status_code in (401, 405)
        for other in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
            begun = Visitor(server)
            answer = begun.sign_on("alice", to=f"/oidc/login?to={other}", until=f":{server.port}/?")
            assert answer.url.rstrip("/") == begun.base, other


def test_an_answer_of_the_provider_is_good_once_and_for_its_own_browser(provider, tmp_path):
    with serve(provider, tmp_path) as server:
        browser, other = Visitor(server), Visitor(server)
        there = browser.sign_on("alice", until="/oidc/callback").headers["location"]
        # Another browser, which is made to go there: it would be alice's, without knowing.
        refused = other.step("GET", there)
        assert (refused.status_code, "did not ask to sign on" in refused.text) == (400, True)
        other.follow(other.step("GET", "/"))
        refused = other.step("GET", there)
        assert (refused.status_code, "belongs to another attempt" in refused.text) == (400, True)
        assert "mlferry_session" not in other.cookies
        held = browser.cookies.copy()
        assert browser.step("GET", there.replace("iss=http", "iss=https")).status_code == 403
        assert browser.step("GET", there).status_code == 303
        browser.cookies = held
        refused = browser.step("GET", there)
        assert (refused.status_code, "does not accept the code" in refused.text) == (403, True)
        state = there.split("state=")[1].split("&")[0]
        denied = browser.step("GET", f"/oidc/callback?state={state}&error=access_denied&error_description=<b>no</b>")
        assert (denied.status_code, denied.headers["content-type"]) == (403, "application/json")
        assert "the identity provider says: <b>no</b>" in denied.json()["message"]


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"])
def test_programs_come_with_tokens_of_the_provider(provider, tmp_path, alg):
    with serve(provider, tmp_path, *GROUPS) as server:
        make_roles(Accounts(server))
        assert server.get(CALLER, bearer(provider.token(alg))).json()["username"] == "robot"


def test_the_stock_client_brings_such_a_token(provider, tmp_path, monkeypatch):
    with serve(provider, tmp_path, *GROUPS) as server:
        experiment = make_roles(Accounts(server))
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", provider.token())
        mlflow.set_tracking_uri(f"http://127.0.0.1:{server.port}")
        with mlflow.start_run(experiment_id=experiment):
            mlflow.log_metric("m", 1.0)
            mlflow.log_text("text", "a.txt")
        [run] = mlflow.search_runs([experiment], output_format="list")
        assert run.data.tags["mlflow.user"]


def changed(token: str, part: int, **fields: object) -> str:
    """The token with another header (0) or other claims (1), and the signature of before."""
    parts = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64.urlsafe_b64encode(json.dumps(read | fields).encode()).decode().rstrip("=")
    return ".".join(parts)


def test_no_other_token_is_good(provider, tmp_path):
    with serve(provider, tmp_path) as server:
        token = provider.token()
        assert server.get(CALLER, bearer(token)).status == 200
        body = token.rsplit(".", 1)[0]
        wrong = {
            "of another audience": provider.token(audience="other"),
            "with another name": changed(token, 1, preferred_username="root"),
            "that lasts longer": changed(token, 1, exp=int(time.time()) + 10_000),
            "without a signature": f"{body}.",
            "that says it needs none": changed(token, 0, alg="none").rsplit(".", 1)[0] + ".",
            "that says it is signed with a secret": changed(token, 0, alg="HS256"),
            "that says it is signed otherwise": changed(token, 0, alg="PS256"),
            "with a key that there is not": changed(token, 0, kid="other"),
            "in pieces": "a.b.c",
            "that is none": "x",
        }
        for what, other in wrong.items():
            answer = server.get(CALLER, bearer(other))
            assert answer.status == 401, what
            assert "invalid_token" in answer.headers["www-authenticate"], what
        # Such keys are asked for now and then only, however many there are.
        for number in range(30):
            assert server.get(CALLER, bearer(changed(token, 0, kid=f"k{number}"))).status == 401
        assert server.get(CALLER, bearer(token)).status == 200


def test_new_keys_are_found_and_old_ones_good_while_the_provider_is_away(provider, tmp_path):
    with serve(provider, tmp_path) as server:
        old = provider.token()
        assert server.get(CALLER, bearer(old)).status == 200
        provider.stop()
        time.sleep(1.1)
        # Nobody remembers who it is any more, and the keys are known.
        assert server.get(CALLER, bearer(old)).status == 200
        provider.start()
        new = provider.token()
        deadline = time.monotonic() + 20
        while (status := server.get(CALLER, bearer(new)).status) == 401 and time.monotonic() < deadline:
            time.sleep(0.5)
        assert status == 200
        # The keys of before are no longer there.
        time.sleep(1.1)
        assert server.get(CALLER, bearer(old)).status == 401


def test_a_provider_that_is_not_there_keeps_nobody_else_out(tmp_path):
    provider = IdentityProvider(tmp_path)
    with serve(provider, tmp_path) as server:
        assert server.get(CALLER, basic(ADMIN)).status == 200
        token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJzdWIiOiJ4In0.AAAA"
        for answer in (server.get(CALLER, bearer(token)), server.get("/oidc/login")):
            answer.assert_error(503, "TEMPORARILY_UNAVAILABLE")
            assert f"The identity provider {provider.issuer} does not answer" in answer.message


def test_sessions_end(provider, tmp_path, users):
    with serve(provider, tmp_path, "--oidc-session-time", "2", users=users) as server:
        browser = Visitor(server)
        assert browser.sign_on("alice").status_code == 200
        held = browser.cookies["mlferry_session"]
        assert browser.caller().status_code == 200
        time.sleep(3.2)
        browser.cookies.set("mlferry_session", held)
        assert browser.caller().status_code == 401
        # With the user, too; and one that somebody wrote is none.
        again = Visitor(server)
        assert again.sign_on("bob").status_code == 200
        Accounts(server).must(ADMIN, "DELETE", f"{USERS}/delete", {"username": "bob"})
        assert again.caller().status_code == 401
        # And with a password, which ends the bond to the provider.
        bound = Visitor(server)
        assert bound.sign_on("root").status_code == 200
        message = {"username": "root", "password": "long enough for anybody"}
        Accounts(server).must(ADMIN, "PATCH", f"{USERS}/update-password", message)
        assert bound.caller().status_code == 401
        for other in (held[:-1] + ("0" if held[-1] != "0" else "1"), held.replace("mlferrysession_", "mlferry_"), "x"):
            browser.cookies.set("mlferry_session", other)
            assert browser.caller().status_code == 401
            assert server.get(CALLER, bearer(other)).status == 401


def test_a_page_below_a_prefix_keeps_its_cookies_there(tmp_path):
    provider = IdentityProvider(tmp_path, "/mlflow", alice={})
    with provider, serve(provider, tmp_path, "--static-prefix", "/mlflow", prefix="/mlflow") as server:
        browser = Visitor(server)
        assert browser.step("GET", "/mlflow/").headers["location"] == "/mlflow/oidc/login?to=%2Fmlflow%2F"
        there = browser.sign_on("alice", to="/mlflow/", until=f":{server.port}/mlflow/?")
        assert browser.cookies["mlferry_session"]
        assert {cookie.path for cookie in browser.cookies if cookie.name == "mlferry_session"} == {"/mlflow/"}
        assert there.status_code == 200


def test_without_a_redirect_url_only_programs_come(provider, tmp_path):
    options = ("--app-name", "basic-auth", "--oidc-issuer", provider.issuer, "--oidc-client-id", "mlferry")
    with Server(*options, root=tmp_path, environment=environment(tmp_path)) as server:
        assert server.get(CALLER, bearer(provider.token())).status == 200
        assert server.get("/oidc/login").status == 404
        browser = Visitor(server)
        assert browser.step("GET", "/").status_code == 401
