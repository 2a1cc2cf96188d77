"""What the walk through the web page looks at, logged with the stock client. Prints one JSON object of ids."""

import json

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.models import infer_signature
from PIL import Image
from sklearn.linear_model import LinearRegression

EXPERIMENT = "walk"
MODEL = "walk-model"
PROMPT = "walk-prompt"


def log_run(number):
    features = numpy.arange(20.0).reshape(-1, 1)
    model = LinearRegression().fit(features, features[:, 0] * number)
    with mlflow.start_run(run_name=f"run-{number}") as run:
        mlflow.log_params({"depth": number, "kind": "linear"})
        for step in range(20):
            mlflow.log_metric("loss", 1 / (step + number), step=step)
        mlflow.set_tag("team", "walkers")
        mlflow.log_input(mlflow.data.from_numpy(features, name="line"), context="training")
        mlflow.log_text("plain words of a run", "notes/words.txt")
        mlflow.log_dict({"answer": 42}, "table.json")
        mlflow.log_text("a,b\n1,2\n3,4\n", "rows.csv")
        mlflow.log_text("<html><body><h1>A page of a run</h1></body></html>", "report.html")
        mlflow.log_image(Image.new("RGB", (40, 30), (200, 30, 30)), "red.png")
        signature = infer_signature(features, model.predict(features))
        logged = mlflow.sklearn.log_model(model, name="model", signature=signature, registered_model_name=MODEL)
        return run.info.run_id, logged.model_id


@mlflow.trace
def add(left, right):
    with mlflow.start_span("inner") as span:
        span.set_inputs({"left": left})
    return left + right


def main():
    experiment = mlflow.set_experiment(EXPERIMENT)
    runs = [log_run(number) for number in (1, 2)]
    client = MlflowClient()
    client.set_registered_model_alias(MODEL, "champion", 2)
    client.set_registered_model_tag(MODEL, "stage", "trial")
    add(1, 2)
    trace = mlflow.get_last_active_trace_id()
    mlflow.flush_trace_async_logging()
    mlflow.log_feedback(trace_id=trace, name="correct", value=True)
    mlflow.register_prompt(name=PROMPT, template="Say {{word}} twice.")
    found = {
        "experiment": experiment.experiment_id,
        "runs": [run for run, _ in runs],
        "models": [model for _, model in runs],
        "trace": trace,
    }
    print(json.dumps(found))


main()
