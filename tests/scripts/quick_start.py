"""The example of the artifacts quick start: uploads, downloads and lists with whatever client runs it.

Prints one JSON object. Works with every client since 1.20.
"""

import json
import os
import tempfile

import mlflow
from mlflow.tracking import MlflowClient


def save_text(path, text):
    with open(path, "w") as file:
        file.write(text)


def log_artifacts():
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        path_a = os.path.join(folder, "a.txt")
        save_text(path_a, "0")
        sub_folder = os.path.join(folder, "dir")
        os.makedirs(sub_folder)
        save_text(os.path.join(sub_folder, "b.txt"), "1")
        mlflow.log_artifact(path_a)
        mlflow.log_artifacts(sub_folder, artifact_path="dir")
        return run.info.run_id, mlflow.get_artifact_uri()


def main():
    assert mlflow.get_tracking_uri() == os.environ["MLFLOW_TRACKING_URI"]
    first, first_uri = log_artifacts()
    client = MlflowClient()
    downloaded = client.download_artifacts(first, "")
    found = {}
    for folder, _, files in os.walk(downloaded):
        for name in files:
            path = os.path.join(folder, name)
            with open(path) as file:
                found[os.path.relpath(path, downloaded)] = file.read()
    second, _ = log_artifacts()
    listed = [[entry.path, entry.is_dir, entry.file_size] for entry in client.list_artifacts(second)]
    below = [[entry.path, entry.is_dir, entry.file_size] for entry in client.list_artifacts(second, "dir")]
    print(
        json.dumps(
            {
                "version": mlflow.__version__,
                "runs": [first, second],
                "artifact_uri": first_uri,
                "downloaded": found,
                "listed": listed,
                "listed_dir": below,
            }
        )
    )


main()
