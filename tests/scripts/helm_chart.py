"""Lints and renders a chart with Helm's own library, and checks what comes out against Kubernetes' schemas.

Reads the values of several installations as JSON (name → values); prints what each came to. Runs in .venv-deploy.
"""

import json
import sys

import helm_python
import kubernetes_validate
import yaml
from helm_python.chart import Chart, lint

# Not Kubernetes' own: no schema of it is at hand.
WITHOUT_SCHEMA = {"ServiceMonitor"}


def look(chart: Chart, path: str, values: dict) -> dict:
    try:
        chart.validate_schema(values)
        rendered = chart.render(values, name="demo", namespace="ml")
    except helm_python.HelmError as error:
        return {"error": str(error)}
    documents = []
    for name, text in rendered.items():
        if name.endswith(".yaml"):
            documents += [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        if document["kind"] not in WITHOUT_SCHEMA:
            kubernetes_validate.validate(document, "1.30", strict=True)
    report = lint(path, values, strict=True, namespace="ml")
    found = [message for message in report["messages"] if message["severity"] > 1]
    return {"documents": documents, "lint": [*found, *report["errors"]]}


def main() -> None:
    path = sys.argv[1]
    with Chart.load(path) as chart:
        print(json.dumps({name: look(chart, path, values) for name, values in json.load(sys.stdin).items()}))


main()
