-- What MLflow's preparation of this migration may have written while its servers went on.

UPDATE trace_info SET
    input_tokens = NULL, output_tokens = NULL, total_tokens = NULL, cache_read_input_tokens = NULL,
    cache_creation_input_tokens = NULL, cache_creation_input_tokens_above_1hr = NULL,
    input_cost = NULL, output_cost = NULL, total_cost = NULL
WHERE COALESCE(
    input_tokens, output_tokens, total_tokens, cache_read_input_tokens,
    cache_creation_input_tokens, cache_creation_input_tokens_above_1hr
) IS NOT NULL OR COALESCE(input_cost, output_cost, total_cost) IS NOT NULL;

UPDATE spans SET
    input_cost = NULL, output_cost = NULL, total_cost = NULL, model_name = NULL, model_provider = NULL
WHERE COALESCE(input_cost, output_cost, total_cost) IS NOT NULL OR COALESCE(model_name, model_provider) IS NOT NULL;

-- What of a trace is text or a number already.

UPDATE trace_info SET
    trace_name = (
        SELECT substr(t.value, 1, 4096) FROM trace_tags t
        WHERE t.request_id = trace_info.request_id AND t.key = 'mlflow.traceName'
    ),
    session_id = (
        SELECT substr(m.value, 1, 250) FROM trace_request_metadata m
        WHERE m.request_id = trace_info.request_id AND m.key = 'mlflow.trace.session'
    );

-- Numbers that are finite; the comparison is false for all others.
UPDATE spans SET
    input_cost = (
        SELECT m.value FROM span_metrics m
        WHERE m.trace_id = spans.trace_id AND m.span_id = spans.span_id AND m.key = 'input_cost'
        AND abs(m.value) <= 1.7976931348623157e308
    ),
    output_cost = (
        SELECT m.value FROM span_metrics m
        WHERE m.trace_id = spans.trace_id AND m.span_id = spans.span_id AND m.key = 'output_cost'
        AND abs(m.value) <= 1.7976931348623157e308
    ),
    total_cost = (
        SELECT m.value FROM span_metrics m
        WHERE m.trace_id = spans.trace_id AND m.span_id = spans.span_id AND m.key = 'total_cost'
        AND abs(m.value) <= 1.7976931348623157e308
    )
WHERE EXISTS (
    SELECT 1 FROM span_metrics m
    WHERE m.trace_id = spans.trace_id AND m.span_id = spans.span_id
);

UPDATE assessments SET
    experiment_id = (SELECT t.experiment_id FROM trace_info t WHERE t.request_id = assessments.trace_id),
    trace_timestamp_ms = (SELECT t.timestamp_ms FROM trace_info t WHERE t.request_id = assessments.trace_id),
    aggregate_value = NULL,
    is_numeric_value = FALSE;
