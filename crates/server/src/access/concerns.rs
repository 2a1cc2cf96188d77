//! What requests concern: each message says it of itself, so that none is read without a decision.

mod genai;
mod records;
mod registry;
mod users;

pub(crate) use registry::visible_names;

use mlferry_artifacts::ArtifactPath;
use mlferry_protocol::{
    ExperimentId, RunId,
    access::{Action, Grants, Resource, ResourceType},
    model_versions::CreateModelVersion,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A message that says what it concerns, which decides who may send it.
pub(crate) trait Concerns {
    /// Adds what it concerns. A message that adds nothing is everybody's who is signed in.
    fn concerns(&self, wants: &mut Wants);

    /// Leaves out what its sender may not see, where the answer is about many things.
    fn narrow(&mut self, _grants: &Grants) {}
}

/// Something that a request concerns, and what it does with it.
#[derive(Debug)]
pub(crate) enum Want {
    /// What only operators do.
    Operator,
    /// What operators do, and those who manage all there is.
    Manager,
    /// What operators do, and this user.
    Itself(String),
    /// What operators and managers do, and this user.
    Oneself(String),
    /// An experiment.
    Experiment(ExperimentId, Action),
    /// The experiment with a name.
    ExperimentNamed(String, Action),
    /// An experiment and all that is in it.
    WholeExperiment(ExperimentId, Action),
    /// Something new in an experiment.
    NewIn(ExperimentId, ResourceType),
    /// Something new that is in nothing else, under this name, if it has one.
    New(ResourceType, Option<String>),
    /// What is in an experiment, of one kind.
    PartsOf(ExperimentId, ResourceType, Action),
    /// A run.
    Run(String, Action),
    /// A logged model.
    LoggedModel(String, Action),
    /// A trace.
    Trace(String, Action),
    /// A trace that may be new; one that is there is changed.
    TraceIfThere(String),
    /// The files of a trace.
    TraceFiles(String),
    /// An assessment of a trace.
    Assessment(String, AssessmentAction),
    /// An evaluation dataset, by the experiments that have it.
    Dataset(String, Action),
    /// A scorer, by its experiment and name, to be seen.
    Scorer(ExperimentId, String),
    /// A version of a scorer, which may be its first.
    NewScorer(ExperimentId, String),
    /// A version of a scorer, to be deleted; without a number, all of them.
    ScorerDeletion(ExperimentId, String, Option<i64>),
    /// The traces of an experiment, which go with their assessments.
    TracesOf(ExperimentId),
    /// A registered model, or a prompt.
    Model(String, Action),
    /// A version of one.
    Version(String, Action),
    /// A new version, which is made of something.
    NewVersion(Box<CreateModelVersion>),
    /// A registered model, or a prompt, with all its versions.
    WholeModel(String),
    /// A file or folder of the destination, or its root.
    Path(Option<ArtifactPath>, Action),
    /// Nothing of a kind, which must not be denied: an answer tells of such things.
    NotDenied(ResourceType),
    /// Whatever it is, to say who may do what with it.
    Resource(Resource),
}

impl Want {
    /// What the audit log calls it; nothing, where it says no more than the route.
    pub(super) fn named(&self) -> Option<String> {
        Some(match self {
            Self::Operator | Self::Manager | Self::NotDenied(_) => return None,
            Self::Itself(name) | Self::Oneself(name) => format!("user {name}"),
            Self::Experiment(id, _)
            | Self::WholeExperiment(id, _)
            | Self::NewIn(id, _)
            | Self::PartsOf(id, ..)
            | Self::TracesOf(id) => format!("experiment {id}"),
            Self::ExperimentNamed(name, _) => format!("experiment named {name}"),
            Self::New(kind, name) => {
                let name = name.as_deref().unwrap_or_default();
                format!("new {} {name}", kind.name()).trim_end().to_owned()
            }
            Self::Run(id, _) => format!("run {id}"),
            Self::LoggedModel(id, _) => format!("logged_model {id}"),
            Self::Trace(id, _) | Self::TraceIfThere(id) | Self::TraceFiles(id) => {
                format!("trace {id}")
            }
            Self::Assessment(trace, _) => format!("trace {trace}"),
            Self::Scorer(id, name)
            | Self::NewScorer(id, name)
            | Self::ScorerDeletion(id, name, _) => {
                format!("scorer {}", scorer_pattern(*id, name))
            }
            Self::Dataset(id, _) => format!("evaluation_dataset {id}"),
            Self::Model(name, _) | Self::Version(name, _) | Self::WholeModel(name) => {
                format!("registered_model {name}")
            }
            Self::NewVersion(request) => format!("registered_model {}", request.name),
            Self::Path(path, _) => {
                format!("artifacts {}", path.as_ref().map_or("", ArtifactPath::as_str))
            }
            Self::Resource(Resource { kind, id }) => format!("{} {id}", kind.name()),
        })
    }
}

/// What is done with an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssessmentAction {
    Create,
    Read,
    Update,
    Delete,
}

/// All that a request concerns.
#[derive(Debug)]
pub(crate) struct Wants {
    /// What the line of the table does.
    action: Action,
    pub(super) list: Vec<Want>,
}

impl Wants {
    pub(super) fn new(action: Action) -> Self {
        Self { action, list: Vec::new() }
    }

    /// What only operators do.
    pub(crate) fn operator(&mut self) {
        self.list.push(Want::Operator);
    }

    /// Anything else.
    pub(crate) fn add(&mut self, want: Want) {
        self.list.push(want);
    }

    /// Something else, if it is named.
    pub(crate) fn extend(&mut self, want: Option<Want>) {
        self.list.extend(want);
    }

    /// An experiment, with which the line's action is done.
    pub(crate) fn experiment(&mut self, id: ExperimentId) {
        self.list.push(Want::Experiment(id, self.action));
    }

    /// A run, with which the line's action is done.
    pub(crate) fn run(&mut self, id: &RunId) {
        self.list.push(Want::Run(id.as_str().to_owned(), self.action));
        if self.action == Action::Read {
            // Runs tell which models they used and made.
            self.list.push(Want::NotDenied(ResourceType::LoggedModel));
        }
    }

    /// A logged model, with which the line's action is done.
    pub(crate) fn logged_model(&mut self, id: &str) {
        self.list.push(Want::LoggedModel(id.to_owned(), self.action));
        if self.action == Action::Read {
            // Models tell which run made them.
            self.list.push(Want::NotDenied(ResourceType::Run));
        }
    }

    /// A trace, with which the line's action is done.
    pub(crate) fn trace(&mut self, id: &str) {
        self.list.push(Want::Trace(id.to_owned(), self.action));
        if self.action == Action::Read {
            self.all_that_traces_tell();
        }
    }

    /// What answers about traces tell besides them.
    pub(crate) fn all_that_traces_tell(&mut self) {
        let told = [ResourceType::Run, ResourceType::LoggedModel, ResourceType::Assessment];
        self.list.extend(told.map(Want::NotDenied));
    }

    /// The traces of experiments, which are searched; a search that names none is nobody's.
    pub(crate) fn traces_in(&mut self, experiments: &[ExperimentId]) {
        if experiments.is_empty() {
            self.operator();
        }
        let wants = experiments.iter();
        self.list.extend(wants.map(|id| Want::PartsOf(*id, ResourceType::Trace, Action::Read)));
        self.all_that_traces_tell();
    }

    /// An evaluation dataset, with which the line's action is done.
    pub(crate) fn dataset(&mut self, id: &str) {
        self.list.push(Want::Dataset(id.to_owned(), self.action));
    }

    /// Experiments that are named as somebody wrote them, with which the line's action is done.
    pub(crate) fn experiments_named(&mut self, ids: &[String]) {
        self.list.extend(experiments_named(ids, self.action));
    }

    /// A registered model or prompt, with which the line's action is done.
    pub(crate) fn model(&mut self, name: &str) {
        self.list.push(Want::Model(name.to_owned(), self.action));
        if self.action == Action::Read {
            self.all_that_versions_tell();
        }
    }

    /// A version, with which the line's action is done.
    pub(crate) fn version(&mut self, name: &str) {
        self.list.push(Want::Version(name.to_owned(), self.action));
        if self.action == Action::Read {
            self.all_that_versions_tell();
        }
    }

    /// What answers about versions tell besides them.
    pub(crate) fn all_that_versions_tell(&mut self) {
        self.list.extend([ResourceType::Run, ResourceType::LoggedModel].map(Want::NotDenied));
    }

    /// A file or folder of the destination, with which the line's action is done.
    pub(crate) fn path(&mut self, path: Option<ArtifactPath>) {
        self.list.push(Want::Path(path, self.action));
    }
}

/// By what grants on a scorer name it: its own name may hold slashes.
pub(crate) fn scorer_pattern(experiment: ExperimentId, name: &str) -> String {
    format!("{experiment}/{}", utf8_percent_encode(name, OF_PATTERNS))
}

/// What Python's `quote` replaces where nothing is safe.
const OF_PATTERNS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// Experiments that are named as somebody wrote them. What names none, or something else, is nobody's.
pub(super) fn experiments_named(ids: &[String], action: Action) -> Vec<Want> {
    if ids.is_empty() {
        return vec![Want::Operator];
    }
    let want = |id: &String| {
        let id = id.parse().ok().map(ExperimentId).filter(|read| read.to_string() == *id);
        id.map_or(Want::Operator, |id| Want::Experiment(id, action))
    };
    ids.iter().map(want).collect()
}

/// Messages that only operators send: what they name belongs to nothing on which permissions are granted.
macro_rules! only_operators {
    ($($message:ty),* $(,)?) => {$(
        impl crate::access::Concerns for $message {
            fn concerns(&self, wants: &mut crate::access::Wants) {
                wants.operator();
            }
        }
    )*};
}

/// Messages that concern one thing, which a field or method of theirs names.
macro_rules! concern {
    ($($message:ty => |$this:ident, $wants:ident| $say:expr;)*) => {$(
        impl crate::access::Concerns for $message {
            fn concerns(&self, $wants: &mut crate::access::Wants) {
                let $this = self;
                $say;
            }
        }
    )*};
}

use concern;
use only_operators;
