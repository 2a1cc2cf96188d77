//! The calls behind the fields at the top, and what is shown of their answers.

use super::{
    document::{Document, Operation, Selected},
    inputs::{Variables, literal},
    schema::{self, Call, Kind, Nan, Root, Type},
};
use crate::{
    access::{Caller, Concerns, visible_names},
    error::ApiError,
    routes::RunArtifacts,
};
use mlferry_protocol::{DecodeRequest, Fields, InvalidParameter};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Runs whose model versions are looked for at once.
const RUNS_OF_A_SEARCH: usize = 500;

/// Who is asked, and by whom.
type Asked<'a> = (&'a RunArtifacts, &'a Caller);

/// What an operation asks for, of which parts may have gone wrong.
pub(super) async fn execute(
    asked: Asked<'_>,
    document: &Document<'_>,
    operation: &Operation<'_>,
    kind: schema::Operation,
    variables: &Variables,
) -> (Value, Vec<String>) {
    let mut data = Map::new();
    let mut errors = Vec::new();
    for selected in Selected::by(document, [operation.selection_set]) {
        let within = selected.within(document);
        let shown = match kind.root(&selected.field().name) {
            None => kind.type_name().into(),
            Some(root) => match ask(asked, document, root, &selected, variables).await {
                Ok(found) => Answer { document, errors: &mut errors }.value(
                    root.field.kind,
                    &within,
                    Some(&found),
                ),
                Err(error) => {
                    errors.push(error);
                    Value::Null
                }
            },
        };
        data.insert(selected.key.to_owned(), shown);
    }
    (data.into(), errors)
}

/// The message that answers a field at the top; the error is what the client reads.
async fn ask(
    asked: Asked<'_>,
    document: &Document<'_>,
    root: &Root,
    selected: &Selected<'_>,
    variables: &Variables,
) -> Result<Value, String> {
    let argument = selected.field().arguments.first();
    let argument = argument.map(|(_, value)| literal(root.argument.kind, value, variables));
    let argument = argument.transpose()?.flatten();
    let input = match (root.call, argument) {
        (Call::Nothing, _) => return Ok(Value::Null),
        (Call::Test, text) => return Ok(json!({ "output": text })),
        (_, Some(Value::Object(input))) => input,
        _ => return Err(format!("{} needs its argument 'input'.", root.field.name)),
    };
    let within = &selected.within(document);
    let (artifacts, caller) = asked;
    let store = &artifacts.store;
    match root.call {
        Call::GetExperiment => {
            let found = store.get_experiment(decode(caller, input).await?).await.map_err(words)?;
            Ok(json!({ "experiment": to_json(&found)? }))
        }
        Call::GetRun => {
            let run = to_json(&store.get_run(decode(caller, input).await?).await.map_err(words)?)?;
            let mut runs = [run];
            complete(asked, &mut runs, |field| selects(document, within, &["run", field])).await?;
            let [run] = runs;
            Ok(json!({ "run": run }))
        }
        Call::SearchRuns => {
            let found = store.search_runs(decode(caller, input).await?).await.map_err(words)?;
            let mut found = to_json(&found)?;
            if let Some(runs) = found.get_mut("runs").and_then(Value::as_array_mut) {
                complete(asked, runs, |field| selects(document, within, &["runs", field])).await?;
            }
            Ok(found)
        }
        Call::GetMetricHistoryBulkInterval => to_json(
            &store
                .get_metric_history_bulk_interval(decode(caller, input).await?)
                .await
                .map_err(words)?,
        ),
        Call::SearchDatasets => {
            to_json(&store.search_datasets(decode(caller, input).await?).await.map_err(words)?)
        }
        Call::ListArtifacts => {
            to_json(&artifacts.list_run(&decode(caller, input).await?).await.map_err(words)?.0)
        }
        Call::SearchModelVersions => to_json(
            &store.search_model_versions(decode(caller, input).await?).await.map_err(words)?,
        ),
        Call::Test | Call::Nothing => Ok(Value::Null),
    }
}

/// Gives runs what is not in the API's own messages, if it was asked for.
async fn complete(
    asked: Asked<'_>,
    runs: &mut [Value],
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), String> {
    if is_wanted("experiment") {
        add_experiments(asked, runs).await?;
    }
    if is_wanted("modelVersions") {
        for runs in runs.chunks_mut(RUNS_OF_A_SEARCH) {
            add_model_versions(asked, runs).await?;
        }
    }
    Ok(())
}

/// Gives runs the model versions that were made of them.
async fn add_model_versions(
    (artifacts, caller): Asked<'_>,
    runs: &mut [Value],
) -> Result<(), String> {
    let ids = runs.iter().map(|run| run_id(run).to_owned()).collect();
    let visible = visible_names(caller.limits());
    let found = artifacts.store.model_versions_of_runs(ids, visible).await.map_err(words)?;
    let mut of_runs: HashMap<String, Vec<Value>> = HashMap::new();
    for version in &found {
        let run_id = version.run_id.clone().unwrap_or_default();
        of_runs.entry(run_id).or_default().push(to_json(version)?);
    }
    for run in runs {
        run["model_versions"] = of_runs.remove(run_id(run)).unwrap_or_default().into();
    }
    Ok(())
}

fn run_id(run: &Value) -> &str {
    run["info"]["run_id"].as_str().unwrap_or_default()
}

/// Gives runs their experiments, each of which is read once.
async fn add_experiments((artifacts, caller): Asked<'_>, runs: &mut [Value]) -> Result<(), String> {
    let mut known: HashMap<String, Value> = HashMap::new();
    for run in runs {
        let id = run["info"]["experiment_id"].as_str().unwrap_or_default().to_owned();
        if !known.contains_key(&id) {
            let input = Map::from_iter([("experiment_id".to_owned(), id.clone().into())]);
            let found = artifacts
                .store
                .get_experiment(decode(caller, input).await?)
                .await
                .map_err(words)?;
            known.insert(id.clone(), to_json(&found)?);
        }
        run["experiment"] = known.get(&id).cloned().unwrap_or_default();
    }
    Ok(())
}

/// Whether fields are selected that lead to one below.
fn selects(document: &Document<'_>, selected: &[Selected<'_>], path: &[&str]) -> bool {
    let Some((name, path)) = path.split_first() else { return true };
    selected
        .iter()
        .filter(|selected| selected.field().name == *name)
        .any(|selected| selects(document, &selected.within(document), path))
}

/// A request message that the caller may send; its fields may be in camel case.
async fn decode<T>(caller: &Caller, input: Map<String, Value>) -> Result<T, String>
where
    T: DecodeRequest + Concerns + Send + Sync,
{
    let decoded: Result<T, InvalidParameter> = T::decode(&mut Fields::of_object(input));
    let mut message = decoded.map_err(words)?;
    caller.check(&mut message).await.map_err(words)?;
    Ok(message)
}

/// What a client reads of an error; failures of the server are logged on the way.
fn words(error: impl Into<ApiError>) -> String {
    error.into().into_message()
}

fn to_json(message: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(message).map_err(|error| error.to_string())
}

/// Shows messages as they were asked for.
struct Answer<'a, 'd> {
    document: &'a Document<'d>,
    errors: &'a mut Vec<String>,
}

impl<'d> Answer<'_, 'd> {
    fn value(&mut self, kind: Kind, within: &[Selected<'d>], found: Option<&Value>) -> Value {
        let found = found.filter(|value| !value.is_null());
        match (kind, found) {
            (Kind::Object(of), Some(message)) => self.object(of, within, message),
            (Kind::Object(_) | Kind::Absent(_), _) => Value::Null,
            (Kind::Empty(of), _) => self.object(of, within, &Value::Null),
            (Kind::List(of), Some(Value::Array(messages))) => {
                messages.iter().map(|message| self.object(of, within, message)).collect()
            }
            (Kind::List(_) | Kind::Texts, None) => Value::Array(Vec::new()),
            (Kind::Text, Some(Value::String(text))) => text.as_str().into(),
            (Kind::Text | Kind::Long, Some(value)) => value.to_string().trim_matches('"').into(),
            (Kind::Text, None) => "".into(),
            (Kind::Long, None) => "0".into(),
            (Kind::Float(nan), Some(Value::String(text))) => self.no_number(nan, text),
            (Kind::Float(_), None) => 0.0.into(),
            (Kind::Bool, None) => false.into(),
            (Kind::Enum(_, first), None) => first.into(),
            (_, Some(value)) => value.clone(),
        }
    }

    /// NaN and infinities, which GraphQL does not have.
    fn no_number(&mut self, nan: Nan, text: &str) -> Value {
        if nan == Nan::Error || text != "NaN" {
            let shown = text.to_lowercase().replace("inity", "");
            self.errors.push(format!("Float cannot represent non numeric value: {shown}"));
        }
        Value::Null
    }

    fn object(&mut self, of: &'static Type, selected: &[Selected<'d>], message: &Value) -> Value {
        let mut shown = Map::new();
        for selected in selected {
            let name = selected.field().name.as_str();
            let value = match of.field(name) {
                Some(field) => {
                    let within = selected.within(self.document);
                    self.value(field.kind, &within, message.get(snake_case(name).as_str()))
                }
                None => of.name.into(),
            };
            shown.insert(selected.key.to_owned(), value);
        }
        shown.into()
    }
}

/// `run_id` for `runId`.
fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
