"""Registered models and prompts with the stock client, on both databases."""

from __future__ import annotations

import uuid

import pytest
from mlflow import MlflowClient, MlflowException


@pytest.fixture
def name() -> str:
    return f"model-{uuid.uuid4().hex}"


def version(stock: MlflowClient, name: str, **rest) -> str:
    return str(stock.create_model_version(name, "s3://bucket/x", **rest).version)


def test_life(stock, name):
    model = stock.create_registered_model(name, {"team": "größe"}, "# about")
    assert (model.name, model.tags, model.description) == (name, {"team": "größe"}, "# about")
    assert model.creation_timestamp == model.last_updated_timestamp
    with pytest.raises(MlflowException, match="already exists"):
        stock.create_registered_model(name)
    stock.set_registered_model_tag(name, "b", "1")
    stock.delete_registered_model_tag(name, "team")
    stock.update_registered_model(name, "other")
    version(stock, name)
    stock.rename_registered_model(name, f"{name}-2")
    renamed = stock.get_registered_model(f"{name}-2")
    assert (renamed.tags, renamed.description, len(renamed.latest_versions)) == ({"b": "1"}, "other", 1)
    with pytest.raises(MlflowException, match="not found") as refused:
        stock.get_registered_model(name)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    stock.delete_registered_model(f"{name}-2")
    assert not stock.search_model_versions(f"name = '{name}-2'")


def test_aliases(stock, name):
    stock.create_registered_model(name)
    for number in "12":
        assert version(stock, name) == number
    stock.set_registered_model_alias(name, "champion", "1")
    stock.set_registered_model_alias(name, "champion", "2")
    stock.set_registered_model_alias(name, "first", 1)
    assert stock.get_registered_model(name).aliases == {"champion": "2", "first": "1"}
    assert stock.get_model_version_by_alias(name, "champion").version == "2"
    assert stock.get_model_version(name, "2").aliases == ["champion"]
    stock.delete_registered_model_alias(name, "champion")
    with pytest.raises(MlflowException, match="alias champion not found") as refused:
        stock.get_model_version_by_alias(name, "champion")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_searches_go_through_all_pages(stock, name):
    names = [f"{name}-{number:02}" for number in range(23)]
    for each in names:
        stock.create_registered_model(each)
        version(stock, each)
    found, token = [], None
    while token is not None or not found:
        page = stock.search_registered_models(f"name LIKE '{name}%'", max_results=5, page_token=token)
        found += [model.name for model in page]
        token = page.token or None
    assert found == names
    last = stock.search_registered_models(f"name LIKE '{name}%'", 1, ["last_updated_timestamp DESC", "name DESC"])
    assert last[0].latest_versions[0].version == "1"


def test_prompts(fluent, stock, name):
    first = fluent.register_prompt(name, "Hello {{who}}", commit_message="first", tags={"task": "greet"})
    assert (first.version, first.template) == (1, "Hello {{who}}")
    messages = [{"role": "user", "content": "Bye {{who}}"}]
    second = fluent.register_prompt(name, messages, commit_message="second")
    assert second.version == 2
    fluent.set_prompt_alias(name, "production", 1)
    for uri in (f"prompts:/{name}/1", f"prompts:/{name}@production"):
        assert fluent.load_prompt(uri).format(who="world") == "Hello world"
    assert fluent.load_prompt(name, version=2).template == messages
    assert fluent.load_prompt(f"prompts:/{name}@latest").version == 2
    assert fluent.load_prompt(name, version=9, allow_missing=True) is None
    assert fluent.load_prompt(f"prompts:/{name}@nope", allow_missing=True) is None
    assert [prompt.name for prompt in fluent.genai.search_prompts(f"name = '{name}'")] == [name]
    stock.set_prompt_version_tag(name, 1, "k", "v")
    assert stock.get_prompt_version(name, 1).tags["k"] == "v"
    fluent.delete_prompt_alias(name, "production")
    # Searches for models find no prompts.
    assert not stock.search_registered_models(f"name = '{name}'")
    assert not stock.search_model_versions(f"name = '{name}'")
    assert len(stock.search_model_versions(f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'")) == 2
    with pytest.raises(MlflowException, match="already taken by a prompt"):
        stock.create_registered_model(name)
    stock.delete_prompt_version(name, "2")
    stock.delete_prompt_version(name, "1")
    stock.delete_prompt(name)
    assert fluent.load_prompt(name, version=1, allow_missing=True) is None


def test_a_prompt_is_not_made_of_a_model(fluent, stock, name):
    stock.create_registered_model(name)
    with pytest.raises(MlflowException, match="exists with the same name"):
        fluent.register_prompt(name, "Hello")
