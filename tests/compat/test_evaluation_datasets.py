"""Evaluation datasets, through the stock client, on both databases."""

from __future__ import annotations

import uuid

import pytest


@pytest.fixture
def datasets(fluent):
    from mlflow.genai import datasets

    return datasets


def test_a_dataset_is_filled_found_tagged_and_removed(datasets):
    name = f"questions {uuid.uuid4().hex}"
    dataset = datasets.create_dataset(name=name, tags={"team": "a"})
    records = [
        {"inputs": {"question": str(number)}, "expectations": {"answer": number}, "tags": {"n": str(number)}}
        for number in range(1200)
    ]
    dataset.merge_records(records)
    dataset.merge_records([{"inputs": {"question": "7"}, "expectations": {"answer": "seven"}}])

    read = datasets.get_dataset(dataset_id=dataset.dataset_id)
    frame = read.to_df()
    answers = {row["inputs"]["question"]: row["expectations"]["answer"] for _, row in frame.iterrows()}
    assert answers == {str(n): n for n in range(1200)} | {"7": "seven"}
    assert read.profile == '{"num_records": 1200}'
    assert len(read.experiment_ids) == 1

    datasets.set_dataset_tags(dataset_id=dataset.dataset_id, tags={"team": "b", "more": "x"})
    datasets.delete_dataset_tag(dataset_id=dataset.dataset_id, key="more")
    found = datasets.search_datasets(filter_string=f"name = '{name}' AND tags.team = 'b'")
    assert [each.dataset_id for each in found] == [dataset.dataset_id]
    assert found[0].tags["team"] == "b"
    assert "more" not in found[0].tags

    datasets.delete_dataset(dataset_id=dataset.dataset_id)
    assert list(datasets.search_datasets(filter_string=f"name = '{name}'")) == []


def test_a_dataset_moves_between_experiments(datasets):
    import mlflow

    other = mlflow.create_experiment(f"other {uuid.uuid4().hex}")
    dataset = datasets.create_dataset(name="shared")
    datasets.add_dataset_to_experiments(dataset_id=dataset.dataset_id, experiment_ids=[other])
    found = datasets.search_datasets(experiment_ids=[other])
    assert [each.dataset_id for each in found] == [dataset.dataset_id]
    datasets.remove_dataset_from_experiments(dataset_id=dataset.dataset_id, experiment_ids=[other])
    assert list(datasets.search_datasets(experiment_ids=[other])) == []
