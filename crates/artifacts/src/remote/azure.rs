//! Azure Blob Storage, and Data Lake Storage through the same service.

use super::{
    Opened, StoreTraits,
    azure_sas::{IdentitySigner, KeySigner},
    connection::StoreConnector,
    content::UploadArgs,
    direct::{Dialect, Direct},
    http,
};
use crate::{StoreSettings, counters::CountedStore};
use object_store::{
    ClientOptions,
    azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder},
    signer::Signer,
};
use std::sync::Arc;

/// Opens a container.
pub(super) fn open(
    container: &str,
    host: &str,
    is_data_lake: bool,
    settings: &StoreSettings,
) -> Result<Opened, String> {
    let account = Account::of(host, is_data_lake, settings);
    let store = build(container, &account, &account.endpoint, settings)?;
    // A shared access signature can't sign others.
    let direct = if account.key.is_none() && account.sas.is_some() {
        None
    } else {
        Some(Direct {
            signer: signer(container, &account, &store, settings)?,
            own_signer: signer(container, &account, &store, settings)?,
            parts: Arc::clone(&store) as _,
            dialect: Dialect::Blocks,
            client: http::client(&client_options(&account.endpoint, settings))?,
        })
    };
    Ok(Opened {
        pages: Some(Arc::clone(&store) as _),
        direct,
        store,
        traits: StoreTraits::default(),
        args: UploadArgs::default(),
    })
}

/// What signs URLs for clients.
fn signer(
    container: &str,
    account: &Account,
    store: &Arc<MicrosoftAzure>,
    settings: &StoreSettings,
) -> Result<Arc<dyn Signer>, String> {
    let presigned = settings.presigned_endpoint.as_deref();
    match (&account.key, presigned) {
        (Some(key), _) => {
            let endpoint = account.endpoint_at(presigned);
            Ok(Arc::new(KeySigner::new(&account.name, container, &endpoint, key)?))
        }
        (None, None) => Ok(Arc::new(IdentitySigner(Arc::clone(store)))),
        (None, Some(endpoint)) => {
            let store = build(container, account, &account.endpoint_at(Some(endpoint)), settings)?;
            Ok(Arc::new(IdentitySigner(store)))
        }
    }
}

/// An account, and what opens it.
struct Account {
    name: String,
    endpoint: String,
    key: Option<String>,
    sas: Option<String>,
}

impl Account {
    /// Its address at another host: what an account has for a path stays.
    fn endpoint_at(&self, host: Option<&str>) -> String {
        let own = self.endpoint.trim_end_matches('/');
        let Some(host) = host else { return own.to_owned() };
        let path = own.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        match path {
            Some((_, path)) => format!("{}/{path}", host.trim_end_matches('/')),
            None => host.trim_end_matches('/').to_owned(),
        }
    }

    /// Finds it as the reference does: a connection string, else a key, else a signature, else an identity.
    fn of(host: &str, is_data_lake: bool, settings: &StoreSettings) -> Self {
        let name = host.split('.').next().unwrap_or_default().to_owned();
        let endpoint = format!("https://{}", host.replacen(".dfs.", ".blob.", 1));
        if is_data_lake {
            let sas = settings.get("AZURE_STORAGE_SAS_TOKEN").map(str::to_owned);
            return Self { name, endpoint, key: None, sas };
        }
        let Some(connection) = settings.get("AZURE_STORAGE_CONNECTION_STRING") else {
            let key = settings.get("AZURE_STORAGE_ACCESS_KEY").map(str::to_owned);
            let sas = settings.get("AZURE_STORAGE_SAS_TOKEN").map(str::to_owned);
            return Self { name, endpoint, sas: sas.filter(|_| key.is_none()), key };
        };
        let field = |wanted: &str| {
            let fields = connection.split(';').filter_map(|field| field.trim().split_once('='));
            fields
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.to_owned())
        };
        let name = field("AccountName").unwrap_or(name);
        let protocol = field("DefaultEndpointsProtocol").unwrap_or_else(|| "https".to_owned());
        let endpoint = field("BlobEndpoint").or_else(|| {
            field("EndpointSuffix").map(|suffix| format!("{protocol}://{name}.blob.{suffix}"))
        });
        Self {
            endpoint: endpoint
                .unwrap_or_else(|| format!("{protocol}://{name}.blob.core.windows.net")),
            key: field("AccountKey"),
            sas: field("SharedAccessSignature"),
            name,
        }
    }
}

fn client_options(endpoint: &str, settings: &StoreSettings) -> ClientOptions {
    http::client_options()
        .with_allow_http(endpoint.starts_with("http://"))
        .with_allow_invalid_certificates(settings.is_true("MLFLOW_TRACKING_INSECURE_TLS"))
}

fn build(
    container: &str,
    account: &Account,
    endpoint: &str,
    settings: &StoreSettings,
) -> Result<Arc<MicrosoftAzure>, String> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(&account.name)
        .with_container_name(container)
        .with_endpoint(endpoint.to_owned())
        .with_client_options(client_options(endpoint, settings))
        .with_http_connector(StoreConnector::to(
            Some(endpoint),
            settings.counters.of(CountedStore::Azure),
        ))
        .with_retry(http::retries());
    let given = [
        (AzureConfigKey::AccessKey, account.key.as_deref()),
        (AzureConfigKey::SasKey, account.sas.as_deref()),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    let identity = [
        (AzureConfigKey::ClientId, "AZURE_CLIENT_ID"),
        (AzureConfigKey::ClientSecret, "AZURE_CLIENT_SECRET"),
        (AzureConfigKey::AuthorityId, "AZURE_TENANT_ID"),
        (AzureConfigKey::AuthorityHost, "AZURE_AUTHORITY_HOST"),
        (AzureConfigKey::FederatedTokenFile, "AZURE_FEDERATED_TOKEN_FILE"),
    ];
    for (key, variable) in identity {
        if let Some(value) = settings.get(variable) {
            builder = builder.with_config(key, value);
        }
    }
    builder.build().map(Arc::new).map_err(|error| super::error::words_of(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_or_an_identity_signs_urls() {
        let is_direct = |name: &str, value: &str| {
            let variables = [(name.to_owned(), value.to_owned())].into();
            let settings = StoreSettings { variables, ..StoreSettings::default() };
            open("box", "acct.blob.core.windows.net", false, &settings).unwrap().direct.is_some()
        };
        assert!(is_direct("AZURE_STORAGE_ACCESS_KEY", "a2V5"));
        assert!(!is_direct("AZURE_STORAGE_SAS_TOKEN", "sv=2023-11-03&sig=x"));
        let connection = "AccountName=acct;SharedAccessSignature=sv=2023-11-03&sig=x";
        assert!(!is_direct("AZURE_STORAGE_CONNECTION_STRING", connection));
        assert!(is_direct("AZURE_CLIENT_ID", "somebody"));
    }
}
