//! Who may do what, by what is granted.

use super::*;
use mlferry_protocol::access::{Grant, Permission};
use std::collections::HashMap;

fn grants(default: Permission, rows: &[(Kind, &str, Permission)]) -> Grants {
    let rows = rows.iter().map(|(kind, pattern, permission)| Grant {
        kind: *kind,
        pattern: (*pattern).to_owned(),
        permission: *permission,
    });
    Grants::new(rows.collect(), default)
}

fn allows(grants: &Grants, want: &Want) -> bool {
    let owners = Ownership {
        of_runs: HashMap::from([("r".to_owned(), ExperimentId(1))]),
        of_traces: HashMap::from([("t".to_owned(), ExperimentId(1))]),
        prompts: ["p".to_owned()].into(),
        ..Ownership::default()
    };
    Bench { grants, owners: &owners, user: "alice" }.allows(want)
}

#[test]
fn paths_belong_to_the_experiment_that_they_begin_with() {
    let reader = grants(Permission::NoPermissions, &[(Kind::Experiment, "1", Permission::Edit)]);
    let may = |path: &str, action| {
        allows(&reader, &Want::Path(ArtifactPath::parse_folder(path).unwrap(), action))
    };
    for mine in ["1", "1/r/artifacts/a", "1/models/m/artifacts", "1/traces/t/artifacts/x"] {
        assert!(may(mine, Action::Read), "{mine}");
        assert!(may(mine, Action::Update), "{mine}");
        assert!(!may(mine, Action::Delete), "{mine}");
    }
    for other in [
        "",
        "2/r/artifacts/a",
        "01x/r",
        "models/m",
        "workspaces/w/1/r",
        "1a/x",
        "+1/x",
        "01/x",
        "-1/x",
    ] {
        assert!(!may(other, Action::Read), "{other}");
    }
}

#[test]
fn what_is_denied_on_a_kind_is_denied_among_its_files() {
    let grants = grants(Permission::Manage, &[(Kind::Trace, "*", Permission::Deny)]);
    let may = |path: &str, action| {
        allows(&grants, &Want::Path(ArtifactPath::parse_folder(path).unwrap(), action))
    };
    assert!(may("1/r/artifacts/a", Action::Read));
    assert!(!may("1/traces/t/artifacts/x", Action::Read));
    // It holds what is denied.
    for action in [Action::Read, Action::Update, Action::Delete] {
        assert!(!may("1", action), "{action:?}");
    }
}

#[test]
fn what_does_not_exist_is_nobody_s() {
    let grants = grants(Permission::Manage, &[]);
    assert!(allows(&grants, &Want::Run("r".to_owned(), Action::Delete)));
    assert!(!allows(&grants, &Want::Run("x".to_owned(), Action::Read)));
    assert!(!allows(&grants, &Want::Trace("x".to_owned(), Action::Read)));
    assert!(allows(&grants, &Want::TraceIfThere("x".to_owned())));
    assert!(!allows(&grants, &Want::Operator));
}

#[test]
fn prompts_and_models_have_grants_of_their_own() {
    let grants =
        grants(Permission::NoPermissions, &[(Kind::RegisteredModel, "*", Permission::Read)]);
    assert!(allows(&grants, &Want::Version("m".to_owned(), Action::Read)));
    assert!(!allows(&grants, &Want::Version("p".to_owned(), Action::Read)));
    assert!(!allows(&grants, &Want::Model("m".to_owned(), Action::Update)));
}

#[test]
fn a_reader_of_an_experiment_deletes_no_assessments() {
    let may = |permission, action| {
        let grants = grants(Permission::NoPermissions, &[(Kind::Experiment, "1", permission)]);
        allows(&grants, &Want::Assessment("t".to_owned(), action))
    };
    assert!(may(Permission::Read, AssessmentAction::Read));
    for action in [AssessmentAction::Create, AssessmentAction::Update, AssessmentAction::Delete] {
        assert!(!may(Permission::Read, action));
        assert!(may(Permission::Edit, action));
    }
}
