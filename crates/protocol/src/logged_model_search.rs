//! Searches for logged models.

use crate::{
    DecodeRequest, ExperimentId, Fields, InvalidParameter, logged_models::LoggedModel, paging,
    python,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Models in a page when the client does not say.
const DEFAULT_RESULTS: u64 = 50;

/// Models in a page when the client says zero.
const ZERO_RESULTS: u64 = 100;

/// A dataset that metrics are measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFilter {
    /// Its name.
    pub name: String,
    /// Its digest; absent, metrics have none, either.
    pub digest: Option<String>,
}

impl DatasetFilter {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = filled(fields, "dataset_name")?.ok_or_else(|| {
            InvalidParameter::new("`dataset_name` in the `datasets` clause must be specified.")
        })?;
        Ok(Self { name, digest: filled(fields, "dataset_digest")? })
    }
}

/// An item of `order_by`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedModelOrder {
    /// An attribute, or `metrics.` and a key.
    pub field_name: String,
    /// Whether the smallest comes first.
    pub ascending: bool,
    /// The name of the dataset that a metric is measured on; any where absent.
    pub dataset_name: Option<String>,
    /// The digest of that dataset; any where absent.
    pub dataset_digest: Option<String>,
}

impl LoggedModelOrder {
    fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self {
            field_name: fields.string("field_name")?.unwrap_or_default(),
            ascending: fields.boolean("ascending")?.unwrap_or(true),
            dataset_name: filled(fields, "dataset_name")?,
            dataset_digest: filled(fields, "dataset_digest")?,
        })
    }
}

/// A text that is not empty.
fn filled(fields: &mut Fields, name: &str) -> Result<Option<String>, InvalidParameter> {
    Ok(fields.string(name)?.filter(|text| !text.is_empty()))
}

/// `POST …/logged-models/search`.
#[derive(Debug)]
pub struct SearchLoggedModels {
    /// The experiments that are searched.
    pub experiment_ids: Vec<ExperimentId>,
    /// What the models must fulfil.
    pub filter: Option<String>,
    /// The datasets that metrics in the filter are measured on; any where there are none.
    pub datasets: Vec<DatasetFilter>,
    /// Models at most.
    pub max_results: u64,
    /// In which order they come.
    pub order_by: Vec<LoggedModelOrder>,
    /// Models before this page.
    pub offset: u64,
}

impl DecodeRequest for SearchLoggedModels {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        if !fields.has("experiment_ids") {
            return Err(InvalidParameter::missing("experiment_ids"));
        }
        let experiment_ids = fields.experiment_ids()?;
        let filter = fields.string("filter")?.filter(|filter| !filter.is_empty());
        let datasets = fields.objects("datasets", DatasetFilter::read)?;
        let max_results = match fields.integer("max_results")? {
            None => DEFAULT_RESULTS,
            Some(0) => ZERO_RESULTS,
            Some(given) => paging::positive(given, ".")?,
        };
        let order_by = fields.objects("order_by", LoggedModelOrder::read)?;
        let mut search =
            Self { experiment_ids, filter, datasets, max_results, order_by, offset: 0 };
        if let Some(token) = fields.string("page_token")?.filter(|token| !token.is_empty()) {
            search.offset = search.offset_of(&token)?;
        }
        Ok(search)
    }
}

/// What a page token holds: where the page starts, and the search that it is good for.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    #[serde(default)]
    experiment_ids: Vec<String>,
    #[serde(default)]
    filter_string: Option<String>,
    #[serde(default)]
    order_by: Option<Vec<LoggedModelOrder>>,
    #[serde(default)]
    offset: u64,
}

impl SearchLoggedModels {
    /// The token of the page that starts after `offset` models. It repeats the search, since it is
    /// good for no other.
    #[must_use]
    pub fn page_token(&self, offset: u64) -> String {
        STANDARD.encode(python::dumps(&self.token(offset)))
    }

    fn token(&self, offset: u64) -> Token {
        Token {
            experiment_ids: self.experiment_ids.iter().map(ToString::to_string).collect(),
            filter_string: self.filter.clone(),
            order_by: (!self.order_by.is_empty()).then(|| self.order_by.clone()),
            offset,
        }
    }

    fn offset_of(&self, token: &str) -> Result<u64, InvalidParameter> {
        let refuse = || InvalidParameter::new(format!("Invalid page token: {token}."));
        let decoded = STANDARD.decode(token).map_err(|_| refuse())?;
        let theirs: Token = serde_json::from_slice(&decoded).map_err(|_| refuse())?;
        // Beyond 63 bits no database counts rows.
        if i64::try_from(theirs.offset).is_err() {
            return Err(refuse());
        }
        let mine = self.token(theirs.offset);
        let differs = |what: &str, expected: String, found: String| {
            Err(InvalidParameter::new(format!("{what}. Expected: {expected}. Found: {found}")))
        };
        if theirs.experiment_ids != mine.experiment_ids {
            let shown = |token: &Token| {
                let ids: Vec<&str> = token.experiment_ids.iter().map(String::as_str).collect();
                python::repr_list(&ids)
            };
            let what = "Experiment IDs in the page token do not match the requested experiment IDs";
            return differs(what, shown(&mine), shown(&theirs));
        }
        if theirs.filter_string != mine.filter_string {
            let shown = |token: &Token| token.filter_string.clone().unwrap_or("None".to_owned());
            let what = "Filter string in the page token does not match the requested filter string";
            return differs(what, shown(&mine), shown(&theirs));
        }
        if theirs.order_by != mine.order_by {
            let shown = |token: &Token| shown_order(token.order_by.as_deref());
            let what = "Order by in the page token does not match the requested order by";
            return differs(what, shown(&mine), shown(&theirs));
        }
        Ok(theirs.offset)
    }
}

/// An order as Python shows the list of dictionaries that it is there.
fn shown_order(orders: Option<&[LoggedModelOrder]>) -> String {
    let Some(orders) = orders else { return "None".to_owned() };
    let text =
        |text: &Option<String>| text.as_deref().map_or_else(|| "None".to_owned(), python::repr_str);
    let items = orders.iter().map(|order| {
        format!(
            "{{'field_name': {}, 'ascending': {}, 'dataset_name': {}, 'dataset_digest': {}}}",
            python::repr_str(&order.field_name),
            if order.ascending { "True" } else { "False" },
            text(&order.dataset_name),
            text(&order.dataset_digest)
        )
    });
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// The answer to [`SearchLoggedModels`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct SearchLoggedModelsResponse {
    /// The models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<LoggedModel>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<SearchLoggedModels, String> {
        SearchLoggedModels::decode(&mut Fields::from_json(json.as_bytes()).unwrap())
            .map_err(|error| error.to_string())
    }

    const TOKEN: &str = "eyJleHBlcmltZW50X2lkcyI6IFsiMSJdLCAiZmlsdGVyX3N0cmluZyI6IG51bGwsICJvcmRlcl9ieSI6IG51bGwsICJvZmZzZXQiOiAxfQ==";

    #[test]
    fn page_tokens_are_those_of_the_reference() {
        let search = decode(&format!(r#"{{"experiment_ids": ["1"], "page_token": "{TOKEN}"}}"#));
        let search = search.unwrap();
        assert_eq!((search.offset, search.max_results), (1, 50));
        assert_eq!(search.page_token(1), TOKEN);
    }

    #[test]
    fn a_page_token_is_good_for_its_search_only() {
        let refused = decode(&format!(
            r#"{{"experiment_ids": ["1"], "page_token": "{TOKEN}", "filter": "name = 'x'"}}"#
        ));
        assert_eq!(
            refused.unwrap_err(),
            "Filter string in the page token does not match the requested filter string. \
             Expected: name = 'x'. Found: None"
        );
    }

    #[test]
    fn no_experiments_are_fine_but_must_be_said() {
        assert!(decode(r#"{"experiment_ids": []}"#).is_ok());
        assert!(decode("{}").unwrap_err().contains("'experiment_ids'"));
    }
}
