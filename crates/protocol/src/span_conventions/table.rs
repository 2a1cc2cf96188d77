//! How libraries name what MLflow wants to know of a span.

use super::gemini;

/// The name of an attribute.
pub(super) enum Name {
    Is(&'static str),
    StartsWith(&'static str),
}

impl Name {
    pub(super) fn fits(&self, key: &str) -> bool {
        match self {
            Self::Is(name) => key == *name,
            Self::StartsWith(start) => key.starts_with(start),
        }
    }
}

/// An attribute, and its texts.
pub(super) type Texts = (&'static str, &'static [&'static str]);

/// How a library names what MLflow wants to know.
pub(super) struct Convention {
    /// The only spans that it counts for.
    pub(super) only: Option<Texts>,
    /// Spans that it does not count for.
    pub(super) except: Option<Texts>,
    /// The attributes that hold the kind of a span; the first whose kind is known counts.
    pub(super) kind: &'static [&'static str],
    /// Their values, and the types that they are.
    pub(super) kinds: &'static [(&'static str, &'static str)],
    /// Whether the values may be written in any case.
    pub(super) ignores_case: bool,
    /// Attributes whose presence tells the type of a span.
    pub(super) has_type: &'static [(Name, &'static str)],
    /// Of several names of tokens, the first that is there counts.
    pub(super) input_tokens: &'static [&'static str],
    pub(super) output_tokens: &'static [&'static str],
    pub(super) total_tokens: &'static [&'static str],
    pub(super) cache_read: &'static [&'static str],
    pub(super) cache_creation: &'static [&'static str],
    /// Whether the tokens of the input lack those of the cache, which MLflow counts with them.
    pub(super) adds_cache: bool,
    /// The first that says something counts; a star stands for a number.
    pub(super) inputs: &'static [&'static str],
    /// What makes an object of inputs together, where those are not there.
    pub(super) input_parts: &'static [&'static str],
    pub(super) outputs: &'static [&'static str],
    /// What the names of all attributes begin with that make an object of inputs, and of outputs.
    pub(super) input_prefix: &'static str,
    pub(super) output_prefix: &'static str,
    /// The format of messages where it is asked for inputs; no JSON.
    pub(super) input_format: &'static str,
    /// Whether it replaces texts that nobody may see by a word.
    pub(super) hides: bool,
    /// What is kept of an input and an output.
    pub(super) shape_input: Option<fn(&str) -> String>,
    pub(super) shape_output: Option<fn(&str) -> String>,
    pub(super) models: &'static [&'static str],
    pub(super) provider: &'static str,
    pub(super) tools: &'static str,
    /// The attributes whose presence tells the format of messages.
    pub(super) has_format: &'static [Name],
    pub(super) format: &'static str,
}

const NONE: Convention = Convention {
    only: None,
    except: None,
    kind: &[],
    kinds: &[],
    ignores_case: false,
    has_type: &[],
    input_tokens: &[],
    output_tokens: &[],
    total_tokens: &[],
    cache_read: &[],
    cache_creation: &[],
    adds_cache: false,
    inputs: &[],
    input_parts: &[],
    outputs: &[],
    input_prefix: "",
    output_prefix: "",
    input_format: "",
    hides: false,
    shape_input: None,
    shape_output: None,
    models: &[],
    provider: "",
    tools: "",
    has_format: &[],
    format: "",
};

/// What tells a tool of Claude Code.
pub(super) const CLAUDE_CODE_TOOL: Texts = ("span.type", &["claude_code.tool", "tool"]);

const VERCEL_CHAT: Texts =
    ("ai.operationId", &["ai.generateText.doGenerate", "ai.streamText.doStream"]);

const OPERATION: &str = "gen_ai.operation.name";
const OPERATIONS: [(&str, &str); 8] = [
    ("chat", "CHAT_MODEL"),
    ("create_agent", "AGENT"),
    ("embeddings", "EMBEDDING"),
    ("execute_tool", "TOOL"),
    ("generate_content", "LLM"),
    ("invoke_agent", "AGENT"),
    ("text_completion", "LLM"),
    ("response", "LLM"),
];
const OPERATION_INPUTS: [&str; 2] = ["gen_ai.input.messages", "gen_ai.tool.call.arguments"];
const OPERATION_OUTPUTS: [&str; 2] = ["gen_ai.output.messages", "gen_ai.tool.call.result"];

/// In the order in which they are asked.
pub(super) const CONVENTIONS: [Convention; 17] = [
    // OpenInference.
    Convention {
        kind: &["openinference.span.kind"],
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
        input_tokens: &["llm.token_count.prompt"],
        output_tokens: &["llm.token_count.completion"],
        total_tokens: &["llm.token_count.total"],
        cache_read: &["llm.token_count.prompt_details.cache_read"],
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
    // Gemini's command line.
    Convention {
        only: Some(("gen_ai.agent.name", &["gemini-cli"])),
        kind: &[OPERATION],
        kinds: &[("llm_call", "LLM"), ("tool_call", "TOOL"), ("agent_call", "AGENT")],
        inputs: &OPERATION_INPUTS,
        outputs: &OPERATION_OUTPUTS,
        shape_input: Some(gemini::input),
        shape_output: Some(gemini::output),
        has_format: &[Name::Is("gen_ai.agent.name")],
        format: "gemini",
        ..NONE
    },
    // The tokens of OpenTelemetry's own names, which are asked for before those of Claude Code.
    Convention {
        input_tokens: &["gen_ai.usage.input_tokens"],
        output_tokens: &["gen_ai.usage.output_tokens"],
        cache_read: &["gen_ai.usage.cache_read.input_tokens"],
        cache_creation: &[
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
        ],
        ..NONE
    },
    // A turn of Claude Code.
    Convention {
        only: Some(("span.type", &["claude_code.interaction", "interaction"])),
        has_type: &[(Name::Is("span.type"), "AGENT")],
        inputs: &["user_prompt", "new_context"],
        hides: true,
        ..NONE
    },
    // A model that Claude Code asks.
    Convention {
        only: Some(("span.type", &["claude_code.llm_request", "llm_request"])),
        has_type: &[(Name::Is("span.type"), "LLM")],
        input_tokens: &["input_tokens"],
        output_tokens: &["output_tokens"],
        cache_read: &["cache_read_tokens"],
        cache_creation: &["cache_creation_tokens"],
        adds_cache: true,
        inputs: &["new_context"],
        outputs: &["response.model_output"],
        hides: true,
        ..NONE
    },
    // A tool that Claude Code uses.
    Convention {
        only: Some(CLAUDE_CODE_TOOL),
        has_type: &[(Name::Is("span.type"), "TOOL")],
        inputs: &["tool_input"],
        input_parts: &["full_command", "file_path", "skill_name", "subagent_type"],
        outputs: &["new_context"],
        hides: true,
        ..NONE
    },
    // OpenTelemetry's own for generative models.
    Convention {
        kind: &[OPERATION],
        kinds: &OPERATIONS,
        inputs: &OPERATION_INPUTS,
        outputs: &OPERATION_OUTPUTS,
        models: &["gen_ai.response.model", "gen_ai.request.model"],
        provider: "gen_ai.provider.name",
        tools: "gen_ai.tool.definitions",
        ..NONE
    },
    // Traceloop.
    Convention {
        kind: &["traceloop.span.kind"],
        kinds: &[
            ("workflow", "WORKFLOW"),
            ("task", "TASK"),
            ("agent", "AGENT"),
            ("tool", "TOOL"),
            ("unknown", "UNKNOWN"),
        ],
        input_tokens: &["gen_ai.usage.prompt_tokens"],
        output_tokens: &["gen_ai.usage.completion_tokens"],
        total_tokens: &["llm.usage.total_tokens"],
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
    // A model that Vercel's library asks.
    Convention {
        only: Some(VERCEL_CHAT),
        has_type: &[(Name::Is(VERCEL_CHAT.0), "LLM")],
        input_prefix: "ai.prompt.",
        output_prefix: "ai.response.",
        input_format: "vercel_ai",
        ..NONE
    },
    // What else it does.
    Convention {
        except: Some(VERCEL_CHAT),
        kind: &[VERCEL_CHAT.0],
        kinds: &[
            ("ai.generateText", "LLM"),
            ("ai.toolCall", "TOOL"),
            ("ai.streamText", "LLM"),
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
    // VoltAgent: parts of an agent's span repeat its type, and have their own beside it.
    Convention {
        kind: &["span.type", "entity.type"],
        kinds: &[("agent", "AGENT"), ("llm", "LLM"), ("tool", "TOOL"), ("memory", "MEMORY")],
        input_tokens: &["usage.prompt_tokens", "llm.usage.prompt_tokens"],
        output_tokens: &["usage.completion_tokens", "llm.usage.completion_tokens"],
        total_tokens: &["usage.total_tokens", "llm.usage.total_tokens"],
        inputs: &["agent.messages", "llm.messages", "input"],
        outputs: &["output"],
        has_format: &[Name::Is("voltagent.operation_id"), Name::Is("voltagent.conversation_id")],
        format: "voltagent",
        ..NONE
    },
    // LiveKit: what names a model, then what OpenTelemetry's names say in any case, then its own.
    Convention { has_type: &[(Name::Is("gen_ai.request.model"), "LLM")], ..NONE },
    Convention { kind: &[OPERATION], kinds: &OPERATIONS, ignores_case: true, ..NONE },
    Convention {
        has_type: &[
            (Name::Is("lk.retry_count"), "LLM"),
            (Name::StartsWith("lk.function_tool"), "TOOL"),
            (Name::Is("lk.agent_name"), "AGENT"),
            (Name::Is("lk.instructions"), "AGENT"),
            (Name::Is("lk.generation_id"), "AGENT"),
            (Name::StartsWith("lk.tts"), "UNKNOWN"),
            (Name::Is("lk.input_text"), "UNKNOWN"),
            (Name::Is("lk.user_transcript"), "UNKNOWN"),
            (Name::Is("lk.transcript_confidence"), "UNKNOWN"),
            (Name::Is("lk.transcription_delay"), "UNKNOWN"),
        ],
        inputs: &["lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"],
        outputs: &["lk.response.text", "lk.response.function_calls"],
        has_format: &[Name::StartsWith("lk.")],
        format: "livekit",
        ..NONE
    },
    // Laminar.
    Convention {
        kind: &["lmnr.span.type"],
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
        has_format: &[Name::Is("lmnr.span.type")],
        format: "openai",
        ..NONE
    },
    // Langfuse.
    Convention {
        kind: &["langfuse.observation.type"],
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
