"""Scorers, through the stock client, on both databases."""

from __future__ import annotations

import pytest


def test_a_judge_is_registered_listed_read_and_removed(fluent):
    from mlflow.exceptions import MlflowException
    from mlflow.genai.judges import make_judge
    from mlflow.genai.scorers import delete_scorer, get_scorer, list_scorers
    from mlflow.genai.scorers.registry import list_scorer_versions

    def judge(what: str):
        instructions = f"Say whether {{{{ outputs }}}} is {what}."
        return make_judge(name="quality", instructions=instructions, model="openai:/gpt-4.1-mini")

    judge("short").register()
    judge("kind").register()
    assert [scorer.name for scorer in list_scorers()] == ["quality"]
    assert "kind" in get_scorer(name="quality").instructions
    assert "short" in get_scorer(name="quality", version=1).instructions
    assert [version for _, version in list_scorer_versions(name="quality")] == [1, 2]
    delete_scorer(name="quality", version=1)
    assert [version for _, version in list_scorer_versions(name="quality")] == [2]
    delete_scorer(name="quality", version="all")
    assert list_scorers() == []
    with pytest.raises(MlflowException, match="Scorer with name 'quality' not found"):
        get_scorer(name="quality")


def test_code_is_not_registered(fluent):
    from mlflow.exceptions import MlflowException
    from mlflow.genai.scorers import scorer

    @scorer
    def is_short(outputs) -> bool:
        return len(outputs) < 10

    with pytest.raises(MlflowException, match="Custom scorer registration"):
        is_short.register()
