"""Webhooks with the stock client, and what their receivers hear, on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid

import pytest
from mlflow import MlflowClient, MlflowException
from mlflow.entities.webhook import WebhookEvent, WebhookStatus

from harness import SCRIPTS, Server, binary, clean_environment, run_binary, use_client, wait_until
from pairs import WEBHOOK_KEY
from receiver import REACHABLE, Receiver

CREATED = "registered_model.created"
WAITING = "mlferry_webhook_deliveries_waiting"
HASTY = REACHABLE | WEBHOOK_KEY | {"MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "3"}


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request) -> str:
    """The arguments that name a database of each kind; each use is a fresh one."""
    return request.param


@pytest.fixture
def place(database, request, tmp_path) -> tuple[str, ...]:
    if database == "sqlite":
        return ("--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return ("--backend-store-uri", str(request.getfixturevalue("postgres").create_database()))


@pytest.fixture
def told(place):
    """A server that may reach receivers of this machine."""
    with Server(*place, environment=HASTY) as running:
        yield running


@pytest.fixture
def stock(told, monkeypatch) -> MlflowClient:
    use_client(monkeypatch, told.url)
    return MlflowClient()


def name() -> str:
    return f"model-{uuid.uuid4().hex}"


def hook(stock: MlflowClient, url: str, *events: str, **more):
    events = [WebhookEvent.from_str(event) for event in events or (CREATED,)]
    return stock.create_webhook(name="hook", url=url, events=events, **more)


def metric(server: Server, line: str) -> float:
    text = server.get("/metrics").body.decode()
    return float(next(each for each in text.splitlines() if each.startswith(line)).split()[-1])


def test_life(stock):
    made = hook(stock, "https://1.1.1.1/x", CREATED, "prompt.created", description="größe", secret="s")
    assert (made.name, made.url, made.description, made.status) == (
        "hook",
        "https://1.1.1.1/x",
        "größe",
        WebhookStatus.ACTIVE,
    )
    assert {str(event) for event in made.events} == {CREATED, "prompt.created"}
    changed = stock.update_webhook(made.webhook_id, name="other", status="DISABLED")
    assert (changed.name, changed.status, changed.description) == ("other", WebhookStatus.DISABLED, "größe")
    assert [each.webhook_id for each in stock.list_webhooks()] == [made.webhook_id]
    stock.delete_webhook(made.webhook_id)
    assert not stock.list_webhooks()
    with pytest.raises(MlflowException, match="not found") as refused:
        stock.get_webhook(made.webhook_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_messages_are_signed(stock, receiver, told):
    hook(stock, receiver.url("/signed"), secret="größe")
    hook(stock, receiver.url("/plain"))
    model = name()
    stock.create_registered_model(model, {"a": "ä"}, "about")
    (message,) = receiver.wait("/signed")
    assert message.headers["x-mlflow-signature"] == message.signature("größe")
    assert message.headers["content-type"] == "application/json"
    assert abs(int(message.headers["x-mlflow-timestamp"]) - time.time()) < 60
    assert message.json()["data"] == {"name": model, "tags": {"a": "ä"}, "description": "about"}
    (plain,) = receiver.wait("/plain")
    assert "x-mlflow-signature" not in plain.headers
    assert plain.id != message.id
    wait_until(lambda: metric(told, 'mlferry_webhook_deliveries_total{outcome="sent"}') == 2, 10, "not counted")


def test_a_secret_is_kept_over_a_restart(stock, receiver, told):
    hook(stock, receiver.url("/x"), secret="s")
    told.stop()
    told.start()
    use = MlflowClient(told.url)
    use.create_registered_model(name())
    (message,) = receiver.wait("/x")
    assert message.headers["x-mlflow-signature"] == message.signature("s")


def test_without_a_key_there_are_no_secrets(place, receiver):
    with Server(*place, environment=REACHABLE) as server:
        message = {
            "name": "a",
            "url": receiver.url(),
            "events": [{"entity": "PROMPT", "action": "CREATED"}],
            "secret": "s",
        }
        refused = server.api("/webhooks", message)
        assert (refused.status, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY" in refused.json()["message"]
        assert server.api("/webhooks", message | {"secret": ""}).status == 200


def test_who_is_disabled_or_deleted_hears_nothing(stock, receiver):
    off, gone = hook(stock, receiver.url("/off")), hook(stock, receiver.url("/gone"))
    hook(stock, receiver.url("/other"), "prompt.created")
    hook(stock, receiver.url("/on"))
    stock.update_webhook(off.webhook_id, status="DISABLED")
    stock.delete_webhook(gone.webhook_id)
    stock.create_registered_model(name())
    receiver.wait("/on")
    stock.update_webhook(off.webhook_id, status="ACTIVE")
    stock.create_registered_model(name())
    receiver.wait("/on", 2)
    receiver.wait("/off")
    assert {message.path for message in receiver.messages} == {"/on", "/off"}


def test_what_is_refused_tells_nothing(stock, receiver):
    model = name()
    stock.create_registered_model(model)
    hook(stock, receiver.url("/x"))
    for _ in range(3):
        with pytest.raises(MlflowException, match="already exists"):
            stock.create_registered_model(model)
    stock.create_registered_model(name())
    receiver.wait("/x")
    time.sleep(0.3)
    assert len(receiver.messages) == 1


def test_tests(stock):
    plan = {"/bad": [404], "/later": [500, 500, 200], "/away": [(302, {"Location": "/x"})]}
    with Receiver(plan) as receiver:
        made = hook(stock, receiver.url("/good"), "model_version.created", secret="s")
        result = stock.test_webhook(made.webhook_id)
        assert (result.success, result.response_status, result.response_body) == (True, 200, "told")
        (message,) = receiver.at("/good")
        assert message.headers["x-mlflow-signature"] == message.signature("s")
        assert message.json()["data"]["source"] == "models:/123"
        stock.test_webhook(made.webhook_id, event="prompt_alias.deleted")
        assert receiver.at("/good")[1].json()["data"] == {"name": "example_prompt", "alias": "example_alias"}
        result = stock.test_webhook(hook(stock, receiver.url("/bad")).webhook_id)
        assert (result.success, result.response_status) == (False, 404)
        result = stock.test_webhook(hook(stock, receiver.url("/later")).webhook_id)
        assert (result.success, len(receiver.at("/later"))) == (True, 3)
        result = stock.test_webhook(hook(stock, receiver.url("/away")).webhook_id)
        assert (result.success, receiver.at("/x")[0].method) == (True, "GET")
        dead = receiver.url("/dead")
    result = stock.test_webhook(hook(stock, dead).webhook_id)
    assert not result.success
    assert "Failed to test webhook" in result.error_message


# The pauses are the server's, whatever database has the queue.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_fails_is_sent_again(stock, told):
    plan = {"/later": [500, 503, 200], "/never": [500], "/wrong": [400], "/soon": [(429, {"Retry-After": "1"}), 200]}
    with Receiver(plan) as receiver:
        for path in plan:
            hook(stock, receiver.url(path))
        stock.create_registered_model(name())
        later = receiver.wait("/later", 3)
        assert len({(message.id, message.body) for message in later}) == 1
        assert later[2].at - later[1].at >= 2
        soon = receiver.wait("/soon", 2)
        assert soon[1].at - soon[0].at >= 1
        receiver.wait("/never", 4, 60)
        wait_until(lambda: metric(told, 'mlferry_webhook_deliveries_total{outcome="failed"}') == 2, 30, "not given up")
        assert (len(receiver.at("/never")), len(receiver.at("/wrong"))) == (4, 1)
        # It is counted when the queue is looked at.
        wait_until(lambda: metric(told, WAITING) == 0, 30, "some wait still")
        assert "is given up" in told.log
        assert receiver.url() not in told.log


def test_one_that_hangs_holds_up_nobody(stock, receiver, told):
    hook(stock, receiver.url("/hangs"))
    hook(stock, receiver.url("/good"))
    began = time.monotonic()
    for _ in range(30):
        stock.create_registered_model(name())
    # Far below the time that the other one takes.
    receiver.wait("/good", 30, 25)
    elapsed = time.monotonic() - began
    assert elapsed < 25
    # Two at once, each for the three seconds that a receiver may take.
    assert 1 <= len(receiver.at("/hangs")) <= 2 * (elapsed / 3 + 1)
    told.stop()


def test_what_was_not_sent_is_sent_after_a_kill(place, receiver):
    with Receiver({"/x": [500]}) as dead, Server(*place, environment=HASTY) as server:
        client = MlflowClient(server.url)
        made = hook(client, dead.url("/x"))
        model = name()
        client.create_registered_model(model)
        first = dead.wait("/x", 2)[0]
        client.update_webhook(made.webhook_id, url=receiver.url("/x"))
        server.kill()
        server.start()
        again = receiver.wait("/x", 1, 30)[0]
        assert (again.id, again.body) == (first.id, first.body)
        assert again.json()["data"]["name"] == model


# Only where servers of several machines share a database, since it takes half a minute.
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_killed_servers_deliveries_are_taken_over(place, receiver):
    """The lease ends with the time of the request and half a minute."""
    environment = HASTY | {"MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "1"}
    with Receiver() as hung, Server(*place, environment=environment) as server:
        client = MlflowClient(server.url)
        made = hook(client, hung.url("/hangs"))
        client.create_registered_model(name())
        sent = hung.wait("/hangs")[0]
        server.kill()
        with Server(*place, environment=environment) as other:
            MlflowClient(other.url).update_webhook(made.webhook_id, url=receiver.url("/x"))
            assert receiver.wait("/x", 1, 45)[0].id == sent.id


def test_replicas_send_each_message_once(place, receiver):
    with Server(*place, environment=HASTY) as one, Server(*place, environment=HASTY) as two:
        clients = [MlflowClient(one.url), MlflowClient(two.url)]
        hook(clients[0], receiver.url("/x"))
        for number in range(40):
            clients[number % 2].create_registered_model(name())
        receiver.wait("/x", 40)
        # Neither has anything left that it could send again.
        wait_until(lambda: metric(one, WAITING) == metric(two, WAITING) == 0, 20, "some wait still")
        ids = [message.id for message in receiver.at("/x")]
        assert len(ids) == len(set(ids)) == 40


def test_nobody_is_led_to_private_addresses(place, receiver):
    """The addresses came into the database by other ways than this server's."""
    with Server(*place, environment=HASTY) as server:
        client = MlflowClient(server.url)
        port = receiver.port
        hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433"]
        made = [hook(client, f"http://{host}:{port}/x").webhook_id for host in hosts]
        assert client.test_webhook(made[0]).success
    receiver.messages.clear()
    guarded = WEBHOOK_KEY | {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}
    with Server(*place, environment=guarded) as server:
        client = MlflowClient(server.url)
        for webhook in made:
            result = client.test_webhook(webhook)
            assert not result.success
            assert "not a public IP" in result.error_message or "non-public IP" in result.error_message
        client.create_registered_model(name())
        failed = 'mlferry_webhook_deliveries_total{outcome="failed"}'
        wait_until(lambda: metric(server, failed) == len(hosts), 10, "not given up")
        with pytest.raises(MlflowException, match="non-public IP address"):
            client.update_webhook(made[0], url=f"http://localhost:{port}/y")
    assert not receiver.messages


def test_a_redirect_leads_to_no_private_address(tmp_path):
    """In a network of its own, where a receiver has a public address; the reference is told of the same webhooks."""
    network = 'ip link set lo up && ip addr add 8.8.8.8/32 dev lo && exec "$0" "$@"'
    script = [sys.executable, str(SCRIPTS / "redirected.py"), str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", network, *script],
        env=clean_environment(MLFERRY_BIN=binary(), PYTHONPATH=str(SCRIPTS.parent)),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = json.loads(done.stdout.splitlines()[-1])
    reached = {path for path, success in found["mlferry"]["tests"].items() if success}
    assert reached == {"/public", "/good"}
    assert found["mlferry"] == found["reference"]
    assert found["late"] == []


def test_the_reference_reads_the_rows_and_minds_no_table_of_ours(place, database, receiver, tmp_path, start_reference):
    """Secrets, too: it signs with one that was encrypted here, and the other way round."""
    uri = place[1].replace("postgresql://", "postgresql+psycopg2://")
    with Server(*place, environment=HASTY) as server:
        hook(MlflowClient(server.url), receiver.url("/ours"), secret="größe")
    line = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
    subprocess.run(line, check=True, env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true"), capture_output=True)
    (tmp_path / "reference").mkdir()
    reference = start_reference(tmp_path / "reference", "--backend-store-uri", uri, environment=HASTY)
    client = MlflowClient(reference.url)
    hook(client, receiver.url("/theirs"), secret="s")
    client.create_registered_model(name())
    for path, secret in (("/ours", "größe"), ("/theirs", "s")):
        (message,) = receiver.wait(path)
        assert message.headers["x-mlflow-signature"] == message.signature(secret)
    reference.stop()
    with Server(*place, environment=HASTY) as server:
        MlflowClient(server.url).create_registered_model(name())
        for path, secret in (("/ours", "größe"), ("/theirs", "s")):
            message = receiver.wait(path, 2)[1]
            assert message.headers["x-mlflow-signature"] == message.signature(secret)
    checked = run_binary("db", "check", place[1], cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "mlferry_webhook_deliveries" not in checked.stdout
