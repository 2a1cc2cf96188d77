"""Users as the stock client has them, and what their experiments and models are to others."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import time

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient
from werkzeug.security import check_password_hash, generate_password_hash

from accounts import ADMIN, PASSWORD, PERMISSIONS, USERS, Accounts, basic, command, environment, environment_of
from databases import kinds, uri_of
from harness import API, Server, binary, clean_environment, wait_until
from postgres import execute


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    with Server("--app-name", "basic-auth", root=folder, environment=environment(folder)) as running:
        yield running


@pytest.fixture
def accounts(server):
    return Accounts(server)


@pytest.fixture
def become(monkeypatch):
    """Makes the clients of this test those of a user."""

    def become(name: str, password: str = PASSWORD) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)

    return become


def test_the_stock_client_of_users_works_unchanged(server, become):
    client = AuthServiceClient(server.url)
    become(ADMIN)
    made = client.create_user("carol", PASSWORD)
    assert (made.username, made.is_admin) == ("carol", False)
    assert client.get_user("carol").id == made.id
    with pytest.raises(MlflowException, match=r"User \(username=carol\) already exists"):
        client.create_user("carol", PASSWORD)
    with pytest.raises(MlflowException, match="User with username=nobody not found"):
        client.get_user("nobody")
    with pytest.raises(MlflowException, match="Password must be at least 12 characters"):
        client.create_user("dave", "short")
    client.update_user_admin("carol", True)
    assert client.get_user("carol").is_admin
    client.update_user_admin("carol", False)
    client.update_user_password("carol", "another password")
    become("carol", "another password")
    assert client.get_user("carol").username == "carol"
    with pytest.raises(MlflowException, match="Current password is required"):
        client.update_user_password("carol", "a third password")
    with pytest.raises(MlflowException, match="Current password does not match"):
        client.update_user_password("carol", "a third password", current_password="wrong")
    client.update_user_password("carol", "a third password", current_password="another password")
    become("carol", "another password")
    with pytest.raises(MlflowException, match="You are not authenticated"):
        client.get_user("carol")
    become("carol", "a third password")
    with pytest.raises(MlflowException, match="Permission denied"):
        client.get_user(ADMIN)
    become(ADMIN)
    client.delete_user("carol")
    with pytest.raises(MlflowException, match="User with username=carol not found"):
        client.get_user("carol")
    with pytest.raises(MlflowException, match="cannot delete their own account"):
        client.delete_user(ADMIN)


def test_roles_and_permissions_of_the_stock_client(server, accounts, become):
    client = AuthServiceClient(server.url)
    accounts.add("erin")
    become(ADMIN)
    role = client.create_role("default", "readers", "who reads")
    assert [other.name for other in client.list_roles("default") if other.id == role.id] == ["readers"]
    assert client.update_role(role.id, name="all readers").name == "all readers"
    permission = client.add_role_permission(role.id, "experiment", "*", "READ")
    assert client.update_role_permission(permission.id, "EDIT").permission == "EDIT"
    assert [held.permission for held in client.list_role_permissions(role.id)] == ["EDIT"]
    assignment = client.assign_role("erin", role.id)
    assert [held.user_id for held in client.list_role_users(role.id)] == [assignment.user_id]
    assert [held.id for held in client.list_user_roles("erin")] == [role.id]
    result = client.get_user_permission("erin", "experiment", "12345")
    assert (result.allowed, result.permission) == (True, "EDIT")
    client.grant_user_permission("erin", "experiment", "12345", "DENY")
    assert client.get_user_permission("erin", "experiment", "12345").permission == "DENY"
    with pytest.raises(MlflowException, match="already exists"):
        client.grant_user_permission("erin", "experiment", "12345", "READ")
    client.revoke_user_permission("erin", "experiment", "12345")
    with pytest.raises(MlflowException, match="not found"):
        client.revoke_user_permission("erin", "experiment", "12345")
    client.unassign_role("erin", role.id)
    assert client.get_user_permission("erin", "experiment", "12345").permission == "NO_PERMISSIONS"
    client.remove_role_permission(permission.id)
    client.delete_role(role.id)
    with pytest.raises(MlflowException, match=f"Role with id={role.id} not found"):
        client.get_role(role.id)
    for kind, id, granted, message in [
        ("run", "1", "READ", "supports only wildcard"),
        ("experiment", "1", "NO_PERMISSIONS", "Resource-level grants accept only"),
        ("experiment", "1", "WRITE", "Invalid permission 'WRITE'"),
        ("table", "1", "READ", "Invalid resource type 'table'"),
        ("workspace", "*", "MANAGE", "not supported by the per-user permission"),
    ]:
        with pytest.raises(MlflowException, match=message):
            client.grant_user_permission("erin", kind, id, granted)


def test_who_makes_something_manages_it_and_lets_others_see_it(server, accounts, become):
    accounts.add("frank", "grace")
    client = MlflowClient(server.url, server.url)
    become("frank")
    experiment = client.create_experiment("frank's")
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "m", 1)
    client.log_text(run.info.run_id, "text", "a.txt")
    client.create_registered_model("frank's model")
    become("grace")
    for call in [
        lambda: client.get_experiment(experiment),
        lambda: client.get_run(run.info.run_id),
        lambda: client.log_metric(run.info.run_id, "m", 2),
        lambda: client.list_artifacts(run.info.run_id),
        lambda: client.get_registered_model("frank's model"),
    ]:
        with pytest.raises(MlflowException, match="Permission denied"):
            call()
    assert client.search_runs([experiment]) == []
    assert client.search_registered_models() == []
    become("frank")
    AuthServiceClient(server.url).grant_user_permission("grace", "experiment", experiment, "READ")
    become("grace")
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1}
    assert [found.info.run_id for found in client.search_runs([experiment])] == [run.info.run_id]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["a.txt"]
    with pytest.raises(MlflowException, match="Permission denied"):
        client.log_metric(run.info.run_id, "m", 2)
    with pytest.raises(MlflowException, match="Permission denied"):
        AuthServiceClient(server.url).grant_user_permission("grace", "experiment", experiment, "EDIT")
    become("frank")
    client.rename_registered_model("frank's model", "the model of frank")
    client.delete_registered_model("the model of frank")
    client.delete_experiment(experiment)


def test_pages_hold_what_may_be_seen_and_nothing_else(accounts):
    accounts.add("heidi", "ivan")
    of = {}
    for number in range(12):
        name = ["heidi", "ivan", ADMIN][number % 3]
        made = accounts.must(name, "POST", f"{API}/experiments/create", {"name": f"page {number}"})
        of.setdefault(name, set()).add(made["experiment_id"])
        accounts.must(name, "POST", f"{API}/registered-models/create", {"name": f"page {number}"})
    accounts.grant("heidi", "experiment", max(of[ADMIN]), "READ")
    of["heidi"].add(max(of[ADMIN]))

    def pages(name: str, path: str, key: str) -> list[list[dict]]:
        found, token = [], None
        while token != "":
            query = {"max_results": 2} | ({"page_token": token} if token else {})
            answer = accounts.must(name, "GET", f"{API}/{path}/search", **query)
            found.append(answer.get(key, []))
            token = answer.get("next_page_token", "")
        return found

    for name in ["heidi", "ivan"]:
        found = pages(name, "experiments", "experiments")
        assert {experiment["experiment_id"] for page in found for experiment in page} == of[name]
        assert [len(page) for page in found[:-1]] == [2] * (len(found) - 1)
        models = pages(name, "registered-models", "registered_models")
        assert [len(page) for page in models] == [2, 2]
    assert sum(map(len, pages(ADMIN, "registered-models", "registered_models"))) >= 12


@pytest.fixture(params=kinds("users"))
def uri(request, tmp_path) -> str:
    return uri_of(request, tmp_path)


def test_the_database_of_users_is_the_reference_s(tmp_path, uri, own_server):
    """What Werkzeug hashed lets in, what mlferry hashes is read by Werkzeug, and the other way round."""
    variables = environment_of(tmp_path, uri)
    server = own_server("--app-name", "basic-auth", root=tmp_path, environment=variables)
    accounts = Accounts(server)
    accounts.add("judy")
    for method in ["scrypt", "pbkdf2:sha256:1000"]:
        hashed = generate_password_hash("of Werkzeug's own", method=method)
        run_sql(uri, f"UPDATE users SET password_hash = '{hashed}' WHERE username = 'judy'")
        # What another program changes counts within a second.
        time.sleep(1.1)
        answer = server.get(f"{USERS}/current", basic("judy", "of Werkzeug's own"))
        assert (answer.status, answer.json()["user"]["username"]) == (200, "judy")
        assert server.get(f"{USERS}/current", basic("judy")).status == 401
    [[ours]] = run_sql(uri, f"SELECT password_hash FROM users WHERE username = '{ADMIN}'")
    assert ours.startswith("scrypt:32768:8:1$")
    assert check_password_hash(ours, PASSWORD)
    assert run_sql(uri, "SELECT version_num FROM alembic_version_auth") == [["f1a2b3c4d5e6"]]


def run_sql(uri: str, statement: str) -> list[list]:
    if not uri.startswith("sqlite:///"):
        return [list(row) for row in execute(uri, statement)]
    with contextlib.closing(sqlite3.connect(uri.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        return [list(row) for row in connection.execute(statement)]


def test_the_command_line_makes_users_before_there_is_a_server(tmp_path, own_server):
    variables = environment(tmp_path)

    def users(*arguments: str, stdin: str = "", code: int = 0) -> str:
        return command(tmp_path, "users", *arguments, stdin=stdin, code=code)

    assert "has no users" in users("list", code=1)
    assert users("add", "root", "--admin", "--password-file", "-", stdin=f"{PASSWORD}\n").startswith("Made the user")
    shown = users("add", "kim")
    password = re.search(r"The password is (\w{32})", shown)[1]
    assert "already exists" in users("add", "kim", code=1)
    assert "at least 12 characters" in users("passwd", "kim", "--password-file", "-", stdin="short", code=1)
    assert "everybody knows" in users("add", "leo", "--password-file", "-", stdin="password1234", code=1)
    users("grant", "kim", "experiment", "0", "EDIT")
    users("grant", "kim", "experiment", "0", "READ")
    assert users("list") == "1\troot\tadmin\n2\tkim\t\n"
    server = own_server("--app-name", "basic-auth", root=tmp_path, environment=variables)
    accounts = Accounts(server)
    assert server.get(f"{USERS}/current", basic("kim", password)).status == 200
    listed = accounts.must("root", "GET", f"{PERMISSIONS}/list", username="kim")["permissions"]
    assert [(row["resource_type"], row["resource_pattern"], row["permission"]) for row in listed] == [
        ("experiment", "0", "READ")
    ]
    assert [user["username"] for user in accounts.must("root", "GET", f"{USERS}/list")["users"]] == [
        "root",
        "kim",
        ADMIN,
    ]

    def is_refused(name: str, password: str) -> bool:
        return server.get(f"{USERS}/current", basic(name, password)).status == 401

    # Another program changes the database: it counts within a second.
    users("revoke", "kim", "experiment", "0")
    users("passwd", "kim", "--password-file", "-", stdin="another password")
    wait_until(lambda: is_refused("kim", password), 10, "the old password is good still")
    assert server.get(f"{USERS}/current", basic("kim", "another password")).status == 200
    assert accounts.must("root", "GET", f"{PERMISSIONS}/list", username="kim")["permissions"] == []
    users("delete", "root")
    wait_until(lambda: is_refused("root", PASSWORD), 10, "a user who was deleted is there still")
    assert "not found" in users("delete", "root", code=1)


def test_the_first_user_gets_a_password_that_is_shown_once(tmp_path, own_server):
    server = own_server("--app-name", "basic-auth", root=tmp_path)
    password = re.search(r"with the password (\w{32})", server.log)[1]
    assert server.get(f"{USERS}/current", basic(ADMIN, password)).json()["user"]["is_admin"]
    assert (tmp_path / "basic_auth.db").exists()
    assert server.stop() == 0
    server.start()
    assert server.get(f"{USERS}/current", basic(ADMIN, password)).status == 200
    assert "with the password" not in server.log


def test_the_password_that_everybody_knows_lets_nobody_in(tmp_path, own_server):
    variables = environment(tmp_path) | {"MLFLOW_AUTH_ADMIN_PASSWORD": "password1234"}
    with pytest.raises(AssertionError, match="everybody knows"):
        own_server("--app-name", "basic-auth", root=tmp_path, environment=variables)
    server = own_server("--app-name", "basic-auth", root=tmp_path, environment=environment(tmp_path))
    hashed = generate_password_hash("password1234", method="pbkdf2:sha256:1000")
    run_sql(f"sqlite:///{tmp_path}/basic_auth.db", f"UPDATE users SET password_hash = '{hashed}'")
    assert server.get(f"{USERS}/current", basic(ADMIN, "password1234")).status == 401
    assert server.stop() == 0
    # The password that is given then takes its place.
    server.start()
    assert server.get(f"{USERS}/current", basic(ADMIN)).status == 200


def test_a_page_lets_operators_make_users(accounts):
    server = accounts.server
    accounts.add("mallory")
    page = server.get("/signup", basic(ADMIN))
    assert (page.status, 'action="api/2.0/mlflow/users/create-ui"' in page.text) == (200, True)
    assert server.get("/signup", basic("mallory")).status == 403
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def sign_up(body: str, name: str = ADMIN, **headers: str):
        return server.request("POST", f"{USERS}/create-ui", body, form | basic(name) | headers)

    body = "username=nina+a&password=the+first+password"
    assert sign_up(body, "mallory").status == 403
    assert sign_up(body, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert sign_up(body).status == 200
    assert server.get(f"{USERS}/current", basic("nina a")).status == 200
    assert sign_up(body).status == 400
    assert sign_up("username=&password=").text == "Username and password cannot be empty."
    assert sign_up(body, **{"Content-Type": "text/plain"}).text.startswith("Invalid content type.")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("default_permission = WRITE", "Invalid permission 'WRITE'"),
        ("default_permisson = READ", "nothing is known of the key default_permisson"),
        ("authorization_function = other:function", "runs no Python"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, line, message):
    variables = environment(tmp_path)
    ini = tmp_path / "basic_auth.ini"
    ini.write_text(ini.read_text() + line + "\n")
    done = subprocess.run(
        [binary(), "server", "--app-name", "basic-auth", "--port", "1"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(**variables),
        timeout=30,
        check=False,
    )
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
