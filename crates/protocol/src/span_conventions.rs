//! Names that other libraries give a span's attributes, translated into MLflow's when the span is stored.
//!
//! What is asked of the conventions one after the other is the same for all of them, so each is a table.

use crate::{
    python::{dumps, is_truthy},
    spans::{INPUTS, MODEL, OUTPUTS, PROVIDER, TOKENS, TYPE, bare, find},
};
use serde_json::{Map, Value};

const FORMAT: &str = "mlflow.message.format";
const TOOLS: &str = "mlflow.chat.tools";

/// How a library names what MLflow wants to know.
#[derive(Default)]
struct Convention {
    /// The attribute that holds the kind of a span.
    kind: &'static str,
    /// Its values, and the types that they are.
    kinds: &'static [(&'static str, &'static str)],
    input_tokens: &'static str,
    output_tokens: &'static str,
    total_tokens: &'static str,
    cache_read: &'static str,
    cache_creation: &'static [&'static str],
    /// The first that says something counts; a star stands for a number.
    inputs: &'static [&'static str],
    outputs: &'static [&'static str],
    models: &'static [&'static str],
    provider: &'static str,
    tools: &'static str,
    /// The attribute whose presence tells the format of messages.
    has_format: &'static str,
    format: &'static str,
}

/// In the order in which they are asked.
const CONVENTIONS: [Convention; 7] = [
    // OpenInference.
    Convention {
        kind: "openinference.span.kind",
        kinds: &[
            ("TOOL", "TOOL"),
            ("CHAIN", "CHAIN"),
            ("LLM", "LLM"),
            ("RETRIEVER", "RETRIEVER"),
            ("EMBEDDING", "EMBEDDING"),
            ("AGENT", "AGENT"),
            ("RERANKER", "RERANKER"),
            ("UNKNOWN", "UNKNOWN"),
            ("GUARDRAIL", "GUARDRAIL"),
            ("EVALUATOR", "EVALUATOR"),
        ],
        input_tokens: "llm.token_count.prompt",
        output_tokens: "llm.token_count.completion",
        total_tokens: "llm.token_count.total",
        cache_read: "llm.token_count.prompt_details.cache_read",
        cache_creation: &["llm.token_count.prompt_details.cache_write"],
        inputs: &["input.value"],
        outputs: &["output.value"],
        models: &[
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ],
        provider: "llm.provider",
        ..NONE
    },
    // OpenTelemetry's own for generative models.
    Convention {
        kind: "gen_ai.operation.name",
        kinds: &[
            ("chat", "CHAT_MODEL"),
            ("create_agent", "AGENT"),
            ("embeddings", "EMBEDDING"),
            ("execute_tool", "TOOL"),
            ("generate_content", "LLM"),
            ("invoke_agent", "AGENT"),
            ("text_completion", "LLM"),
            ("response", "LLM"),
        ],
        input_tokens: "gen_ai.usage.input_tokens",
        output_tokens: "gen_ai.usage.output_tokens",
        cache_read: "gen_ai.usage.cache_read.input_tokens",
        cache_creation: &[
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
        ],
        inputs: &["gen_ai.input.messages", "gen_ai.tool.call.arguments"],
        outputs: &["gen_ai.output.messages", "gen_ai.tool.call.result"],
        models: &["gen_ai.response.model", "gen_ai.request.model"],
        provider: "gen_ai.provider.name",
        tools: "gen_ai.tool.definitions",
        ..NONE
    },
    // Traceloop.
    Convention {
        kind: "traceloop.span.kind",
        kinds: &[
            ("workflow", "WORKFLOW"),
            ("task", "TASK"),
            ("agent", "AGENT"),
            ("tool", "TOOL"),
            ("unknown", "UNKNOWN"),
        ],
        input_tokens: "gen_ai.usage.prompt_tokens",
        output_tokens: "gen_ai.usage.completion_tokens",
        total_tokens: "llm.usage.total_tokens",
        inputs: &[
            "traceloop.entity.input",
            "gen_ai.prompt.*.content",
            "gen_ai.completion.*.tool_calls.*.arguments",
        ],
        outputs: &["traceloop.entity.output", "gen_ai.completion.*.content"],
        provider: "gen_ai.system",
        ..NONE
    },
    // Google's agents.
    Convention {
        inputs: &["gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"],
        outputs: &["gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"],
        ..NONE
    },
    // Vercel.
    Convention {
        kind: "ai.operationId",
        kinds: &[
            ("ai.generateText", "LLM"),
            ("ai.generateText.doGenerate", "LLM"),
            ("ai.toolCall", "TOOL"),
            ("ai.streamText", "LLM"),
            ("ai.streamText.doStream", "LLM"),
            ("ai.generateObject", "LLM"),
            ("ai.generateObject.doGenerate", "LLM"),
            ("ai.streamObject", "LLM"),
            ("ai.streamObject.doStream", "LLM"),
            ("ai.embed", "EMBEDDING"),
            ("ai.embed.doEmbed", "EMBEDDING"),
            ("ai.embedMany", "EMBEDDING"),
        ],
        inputs: &["ai.prompt", "ai.toolCall.args", "ai.value", "ai.values"],
        outputs: &[
            "ai.response.text",
            "ai.toolCall.result",
            "ai.response.object",
            "ai.embedding",
            "ai.embeddings",
        ],
        ..NONE
    },
    // Laminar.
    Convention {
        kind: "lmnr.span.type",
        kinds: &[
            ("LLM", "LLM"),
            ("TOOL", "TOOL"),
            ("DEFAULT", "CHAIN"),
            ("PIPELINE", "CHAIN"),
            ("EXECUTOR", "AGENT"),
            ("EVALUATOR", "EVALUATOR"),
            ("HUMAN_EVALUATOR", "EVALUATOR"),
            ("EVALUATION", "EVALUATOR"),
            ("CACHED", "LLM"),
        ],
        inputs: &["lmnr.span.input"],
        outputs: &["lmnr.span.output"],
        provider: "gen_ai.system",
        has_format: "lmnr.span.type",
        format: "openai",
        ..NONE
    },
    // Langfuse.
    Convention {
        kind: "langfuse.observation.type",
        kinds: &[
            ("generation", "LLM"),
            ("embedding", "EMBEDDING"),
            ("tool", "TOOL"),
            ("retriever", "RETRIEVER"),
            ("agent", "AGENT"),
            ("chain", "CHAIN"),
            ("evaluator", "EVALUATOR"),
            ("guardrail", "GUARDRAIL"),
            ("span", "UNKNOWN"),
        ],
        inputs: &["langfuse.observation.input"],
        outputs: &["langfuse.observation.output"],
        ..NONE
    },
];

const NONE: Convention = Convention {
    kind: "",
    kinds: &[],
    input_tokens: "",
    output_tokens: "",
    total_tokens: "",
    cache_read: "",
    cache_creation: &[],
    inputs: &[],
    outputs: &[],
    models: &[],
    provider: "",
    tools: "",
    has_format: "",
    format: "",
};

type Attributes = Vec<(String, String)>;

/// Adds what MLflow wants to know and other names tell.
pub(crate) fn translate(attributes: &mut Attributes) {
    if let Some(kind) = span_type(attributes) {
        let known = find(attributes, TYPE).map(bare);
        match attributes.iter_mut().find(|(key, _)| key == TYPE) {
            Some((_, value)) if known.as_deref() == Some("UNKNOWN") => *value = text(kind),
            Some(_) => {}
            None => attributes.push((TYPE.to_owned(), text(kind))),
        }
    }
    add(attributes, INPUTS, |known| first(known, |convention| convention.inputs));
    add(attributes, OUTPUTS, |known| first(known, |convention| convention.outputs));
    add(attributes, TOKENS, |known| CONVENTIONS.iter().find_map(|each| each.tokens(known)));
    add(attributes, FORMAT, |known| {
        let format = CONVENTIONS.iter().find(|each| find(known, each.has_format).is_some());
        format.map(|convention| text(convention.format))
    });
    add(attributes, TOOLS, |known| {
        CONVENTIONS.iter().find_map(|each| telling(known, each.tools)).map(str::to_owned)
    });
    add(attributes, MODEL, model);
    add(attributes, PROVIDER, |known| {
        CONVENTIONS.iter().find_map(|each| telling(known, each.provider)).map(json)
    });
}

/// Adds an attribute that is not there yet.
fn add(attributes: &mut Attributes, name: &str, value: impl FnOnce(&Attributes) -> Option<String>) {
    if find(attributes, name).is_none()
        && let Some(value) = value(attributes)
    {
        attributes.push((name.to_owned(), value));
    }
}

/// A text as JSON.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// What is JSON as it is, and all else as a JSON text.
fn json(value: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(value) {
        Ok(_) => value.to_owned(),
        Err(_) => text(value),
    }
}

fn span_type(attributes: &Attributes) -> Option<&'static str> {
    CONVENTIONS.iter().find_map(|convention| {
        let kind = bare(find(attributes, convention.kind)?);
        convention.kinds.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind)
    })
}

fn first(
    attributes: &Attributes,
    names: impl Fn(&Convention) -> &'static [&'static str],
) -> Option<String> {
    let names = CONVENTIONS.iter().flat_map(names);
    names.copied().find_map(|name| telling_any(attributes, name)).map(str::to_owned)
}

/// The value of an attribute, unless it is JSON that says nothing.
fn telling<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    find(attributes, name).filter(|value| says_something(value))
}

/// The same, by a name in which stars stand for numbers.
fn telling_any<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    if !name.contains('*') {
        return telling(attributes, name);
    }
    let mut matching = attributes.iter().filter(|(key, _)| is_like(key, name));
    matching.find(|(_, value)| says_something(value)).map(|(_, value)| value.as_str())
}

fn is_like(key: &str, pattern: &str) -> bool {
    let mut parts = key.split('.');
    pattern.split('.').all(|wanted| match parts.next() {
        Some(part) if wanted == "*" => {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
        }
        part => part == Some(wanted),
    })
}

fn says_something(value: &str) -> bool {
    serde_json::from_str(value).map_or(!value.is_empty(), |value| is_truthy(&value))
}

impl Convention {
    /// The numbers of tokens as the JSON that MLflow keeps.
    fn tokens(&self, attributes: &Attributes) -> Option<String> {
        let count = |name: &str| bare(find(attributes, name)?).trim().parse::<i64>().ok();
        let (input, output) = (count(self.input_tokens), count(self.output_tokens));
        let total = count(self.total_tokens).or_else(|| input?.checked_add(output?));
        if input.is_none() && output.is_none() && total.is_none() {
            return None;
        }
        let counts = [
            ("input_tokens", input),
            ("output_tokens", output),
            ("total_tokens", total),
            ("cache_read_input_tokens", count(self.cache_read)),
            (
                "cache_creation_input_tokens",
                self.cache_creation.iter().find_map(|name| count(name)),
            ),
        ];
        let counts =
            counts.into_iter().filter_map(|(key, count)| Some((key.to_owned(), count?.into())));
        Some(dumps(&counts.collect::<Map<_, _>>()))
    }
}

/// The model that a span used, which may be named in what it was given.
fn model(attributes: &Attributes) -> Option<String> {
    if let Some(name) = first(attributes, |convention| convention.models) {
        return Some(json(&name));
    }
    [INPUTS, OUTPUTS].into_iter().find_map(|name| {
        let value: Value = serde_json::from_str(find(attributes, name)?).ok()?;
        let model = value.get("model")?.as_str()?;
        (!model.is_empty()).then(|| text(model))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(pairs: &[(&str, &str)]) -> Attributes {
        let mut attributes =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        translate(&mut attributes);
        attributes.split_off(pairs.len())
    }

    #[test]
    fn names_of_other_libraries_are_translated() {
        let added = translated(&[
            ("gen_ai.operation.name", "\"chat\""),
            ("gen_ai.usage.input_tokens", "3"),
            ("gen_ai.usage.output_tokens", "\"4\""),
            ("gen_ai.request.model", "\"m\""),
            ("input.value", "\"\""),
            ("gen_ai.prompt.0.content", "\"hello\""),
        ]);
        let added: Vec<(&str, &str)> =
            added.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            added,
            [
                (TYPE, "\"CHAT_MODEL\""),
                (INPUTS, "\"hello\""),
                (TOKENS, "{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}"),
                (MODEL, "\"m\""),
            ]
        );
    }

    #[test]
    fn what_the_client_said_stays() {
        assert!(translated(&[(INPUTS, "\"a\""), ("input.value", "\"b\"")]).is_empty());
        assert!(translated(&[("x", "1")]).is_empty());
    }
}
