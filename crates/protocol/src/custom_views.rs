//! Custom views of the web page, which are tags of an experiment.

use crate::{ExperimentId, InvalidParameter, limits, tags::Tag};

/// Begins the key of a tag that is a custom view.
pub const CUSTOM_VIEW_PREFIX: &str = "mlflow.customView.view";

/// Refuses more custom views in a new experiment than an experiment may have.
pub(crate) fn check_count(tags: &[Tag]) -> Result<(), InvalidParameter> {
    let views = tags.iter().filter(|tag| tag.key.starts_with(CUSTOM_VIEW_PREFIX)).count();
    if views > limits::CUSTOM_VIEWS { Err(no_room(None)) } else { Ok(()) }
}

/// The refusal of one more custom view.
#[must_use]
pub fn no_room(experiment: Option<ExperimentId>) -> InvalidParameter {
    let of_experiment = experiment.map(|id| format!(" for experiment {id}")).unwrap_or_default();
    let most = limits::CUSTOM_VIEWS;
    InvalidParameter::new(format!(
        "Unable to create another custom view{of_experiment}; the maximum number of custom views per \
         experiment is {most}. Delete an existing custom view before creating a new one."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_experiment_has_at_most_50_custom_views() {
        let tags = |count: usize| -> Vec<Tag> {
            let key = |number| format!("{CUSTOM_VIEW_PREFIX}.v1.{number}");
            let view = |number| Tag { key: key(number), value: String::new() };
            let other = Tag { key: "other".to_owned(), value: String::new() };
            (0..count).map(view).chain([other]).collect()
        };
        assert!(check_count(&tags(49)).is_ok());
        assert!(check_count(&tags(50)).is_ok());
        assert_eq!(
            check_count(&tags(51)).unwrap_err().to_string(),
            "Unable to create another custom view; the maximum number of custom views per experiment is \
             50. Delete an existing custom view before creating a new one."
        );
    }
}
