"""What a training script of its time does, with whatever client runs it. Prints one JSON object."""

import json
import os
import sys
import tempfile

import mlflow
from mlflow.tracking import MlflowClient


def main(experiment):
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name="night shift") as run:
        run_id = run.info.run_id
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": "0.1", "name": "größe"})
        for step in range(3):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"accuracy": 0.5, "recall": 0.25}, step=2)
        mlflow.set_tag("team", "blue")
        mlflow.set_tags({"stage": "trial", "note": "a b"})
        mlflow.log_text("hello", "notes/a b+c.txt")
        mlflow.log_dict({"k": [1, 2]}, "d/x.json")
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "empty.bin"), "w"):
                pass
            with open(os.path.join(folder, "big.bin"), "wb") as file:
                file.write(b"x" * 3000000)
            mlflow.log_artifacts(folder, artifact_path="files")
    client = MlflowClient()
    stored = client.get_run(run_id)
    client.delete_run(run_id)
    deleted = client.get_run(run_id).info.lifecycle_stage
    client.restore_run(run_id)
    with tempfile.TemporaryDirectory() as folder:
        with open(client.download_artifacts(run_id, "notes/a b+c.txt", folder)) as file:
            text = file.read()
        big = os.path.getsize(os.path.join(client.download_artifacts(run_id, "files", folder), "big.bin"))
    found = client.search_runs([stored.info.experiment_id])
    print(
        json.dumps(
            {
                "version": mlflow.__version__,
                "run_id": run_id,
                "experiment_id": stored.info.experiment_id,
                "status": stored.info.status,
                "params": stored.data.params,
                "metrics": stored.data.metrics,
                "tags": {key: value for key, value in stored.data.tags.items() if not key.startswith("mlflow.")},
                "history": [[m.step, m.value] for m in client.get_metric_history(run_id, "loss")],
                "deleted": deleted,
                "restored": client.get_run(run_id).info.lifecycle_stage,
                "root": [[entry.path, entry.is_dir] for entry in client.list_artifacts(run_id)],
                "files": [[entry.path, entry.file_size or 0] for entry in client.list_artifacts(run_id, "files")],
                "text": text,
                "big": big,
                "found": [entry.info.run_id for entry in found],
            }
        )
    )


main(sys.argv[1])
