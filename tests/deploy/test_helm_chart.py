"""The Helm chart, rendered and linted by Helm's library and checked against the schemas of Kubernetes."""

from __future__ import annotations

import json
import subprocess

import pytest
from topology import DEPLOY, deploy_tool

from harness import SCRIPTS

DATABASE = {"existingSecret": "database"}
BUCKET = {"destination": "s3://bucket/folder", "existingSecret": "bucket"}
SEPARATE = BUCKET | {"separateServer": {"enabled": True, "replicaCount": 2}}
USERS = ["--app-name", "basic-auth"]
INSTALLATIONS = {
    "defaults": {},
    "replicas": {"replicaCount": 3, "database": DATABASE, "artifacts": BUCKET},
    "everything": {
        "replicaCount": 3,
        "database": DATABASE,
        "artifacts": SEPARATE,
        "ingress": {"enabled": True, "className": "nginx", "host": "ml.example.com", "tlsSecret": "tls"},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "env": {"MLFERRY_LOG_FORMAT": "json", "MLFLOW_S3_ENDPOINT_URL": "http://store:9000"},
        "envFrom": [{"configMapRef": {"name": "more"}}],
        "extraArgs": ["--max-artifact-size=10G"],
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn"}},
        "podLabels": {"a": "b"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"a": "b"},
        "imagePullSecrets": [{"name": "pull"}],
    },
    "users": {
        "replicaCount": 2,
        "database": DATABASE,
        "artifacts": {"destination": "mlflow-artifacts://other:5000/folder"},
        "extraArgs": USERS,
        "env": {"MLFLOW_AUTH_CONFIG_PATH": "/etc/mlferry/basic_auth.ini"},
        "extraVolumes": [{"name": "users", "secret": {"secretName": "users"}}],
        "extraVolumeMounts": [{"name": "users", "mountPath": "/etc/mlferry"}],
    },
    "users on the volume": {"extraArgs": USERS},
    "too many on one disk": {"replicaCount": 2},
    "no store to serve": {"artifacts": {"separateServer": {"enabled": True}}},
    "nobody to serve": {"artifacts": SEPARATE, "extraArgs": USERS},
    "no list of arguments": {"extraArgs": " ".join(USERS)},
    "a typing mistake": {"replicas": 3},
    "a number in words": {"replicaCount": "three"},
}


@pytest.fixture(scope="module")
def rendered() -> dict:
    python = deploy_tool("python")
    if not python.exists():
        pytest.skip("Helm is not here: `make deploy-tools` installs it")
    done = subprocess.run(
        [python, SCRIPTS / "helm_chart.py", DEPLOY / "helm" / "mlferry"],
        input=json.dumps(INSTALLATIONS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def documents(rendered: dict, name: str) -> dict[tuple[str, str], dict]:
    assert "error" not in rendered[name], rendered[name]
    assert rendered[name]["lint"] == []
    return {(one["kind"], one["metadata"]["name"]): one for one in rendered[name]["documents"]}


def container(deployment: dict) -> dict:
    [only] = deployment["spec"]["template"]["spec"]["containers"]
    return only


def variables(deployment: dict) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "(secret)") for entry in container(deployment)["env"]}


def test_the_defaults_are_one_server_with_a_volume(rendered):
    found = documents(rendered, "defaults")
    assert set(found) == {
        ("Deployment", "demo-mlferry"),
        ("PersistentVolumeClaim", "demo-mlferry"),
        ("Service", "demo-mlferry"),
        ("ServiceAccount", "demo-mlferry"),
    }
    deployment = found["Deployment", "demo-mlferry"]
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert container(deployment)["args"] == ["server"]
    assert container(deployment)["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]


@pytest.mark.parametrize("name", ["defaults", "replicas", "everything"])
def test_no_pod_may_do_more_than_it_needs(rendered, name):
    found = documents(rendered, name)
    for (kind, _), one in found.items():
        if kind != "Deployment":
            continue
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert container(one)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container(one)["livenessProbe"]["httpGet"]["path"] == "/health"
        assert container(one)["readinessProbe"]["httpGet"]["path"] == "/ready"


def test_replicas_have_no_volume_and_are_disrupted_one_by_one(rendered):
    found = documents(rendered, "replicas")
    assert not [kind for kind, _ in found if kind == "PersistentVolumeClaim"]
    deployment = found["Deployment", "demo-mlferry"]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "volumes" not in deployment["spec"]["template"]["spec"]
    budget = found["PodDisruptionBudget", "demo-mlferry"]
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_a_separate_artifact_server_alone_has_the_credentials(rendered):
    found = documents(rendered, "everything")
    tracking, artifacts = (found["Deployment", f"demo-mlferry{suffix}"] for suffix in ("", "-artifacts"))
    root = "http://demo-mlferry-artifacts:5500/api/2.0/mlflow-artifacts/artifacts/experiments"
    more = ["--max-artifact-size=10G"]
    assert container(tracking)["args"] == ["server", "--no-serve-artifacts", f"--default-artifact-root={root}", *more]
    assert container(artifacts)["args"] == ["server", "--artifacts-only", *more]
    bucket = {"secretRef": {"name": "bucket"}}
    assert bucket in container(artifacts)["envFrom"]
    assert bucket not in container(tracking)["envFrom"]
    assert "MLFLOW_BACKEND_STORE_URI" in variables(tracking)
    assert "MLFLOW_BACKEND_STORE_URI" not in variables(artifacts)
    assert variables(artifacts)["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://bucket/folder"
    assert "MLFLOW_ARTIFACTS_DESTINATION" not in variables(tracking)
    assert "demo-mlferry-artifacts:*" in variables(artifacts)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert "ml.example.com:*" in variables(tracking)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_there_are_users_where_arguments_say_so(rendered):
    with_volume = documents(rendered, "users on the volume")["Deployment", "demo-mlferry"]
    assert container(with_volume)["args"] == ["server", "--app-name", "basic-auth"]
    assert container(with_volume)["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    without = documents(rendered, "users")["Deployment", "demo-mlferry"]
    assert container(without)["args"] == ["server", "--app-name", "basic-auth"]
    assert container(without)["volumeMounts"] == [{"name": "users", "mountPath": "/etc/mlferry"}]
    assert without["spec"]["template"]["spec"]["volumes"] == [{"name": "users", "secret": {"secretName": "users"}}]


def test_services_and_monitor_find_their_pods(rendered):
    found = documents(rendered, "everything")
    for suffix in ("", "-artifacts"):
        labels = found["Deployment", f"demo-mlferry{suffix}"]["spec"]["template"]["metadata"]["labels"]
        selector = found["Service", f"demo-mlferry{suffix}"]["spec"]["selector"]
        assert selector.items() <= labels.items()
        monitored = found["ServiceMonitor", "demo-mlferry"]["spec"]["selector"]["matchLabels"]
        assert monitored.items() <= found["Service", f"demo-mlferry{suffix}"]["metadata"]["labels"].items()
    [rule] = found["Ingress", "demo-mlferry"]["spec"]["rules"]
    backends = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert backends == {
        "/api/2.0/mlflow-artifacts": "demo-mlferry-artifacts",
        "/ajax-api/2.0/mlflow-artifacts": "demo-mlferry-artifacts",
        "/": "demo-mlferry",
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("too many on one disk", "replicas share no disk"),
        ("no store to serve", "needs artifacts.destination"),
        ("nobody to serve", "needs artifacts.separateServer.enabled=false"),
        ("no list of arguments", "extraArgs"),
        ("a typing mistake", "replicas"),
        ("a number in words", "replicaCount"),
    ],
)
def test_what_can_not_work_is_refused_with_the_reason(rendered, name, said):
    assert said in rendered[name]["error"]
