//! What a store is told of an object beside its bytes, as the reference tells it.

use super::{Opened, Told, types};
use crate::ArtifactPath;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use object_store::{Attribute, Attributes, TagSet};
use serde_json::{Map, Value};

/// Suffixes of compressed files, and their encodings (Python's `mimetypes`).
const ENCODINGS: [(&str, &str); 5] =
    [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("Z", "compress"), ("br", "br")];
/// Suffixes that are short for two.
const SHORT: [(&str, &str); 6] = [
    ("svgz", "svg.gz"),
    ("tgz", "tar.gz"),
    ("taz", "tar.gz"),
    ("tz", "tar.gz"),
    ("tbz2", "tar.bz2"),
    ("txz", "tar.xz"),
];

impl Opened {
    /// Type and encoding of a file, guessed from its name, and what the operator says of all.
    pub(super) fn attributes(&self, path: &ArtifactPath) -> Attributes {
        let mut attributes = Attributes::new();
        let (kind, encoding) = guess(path.name());
        if let Some(kind) = kind.filter(|_| self.traits.told != Told::Nothing) {
            attributes.insert(Attribute::ContentType, kind.into());
        }
        if let Some(encoding) = encoding.filter(|_| self.traits.told == Told::TypeAndEncoding) {
            attributes.insert(Attribute::ContentEncoding, encoding.into());
        }
        for (attribute, value) in &self.args.attributes {
            attributes.insert(attribute.clone(), value.clone());
        }
        attributes
    }

    /// What a client must send with an upload of its own: the type, and what the operator says of all.
    pub(super) fn upload_headers(&self, path: &ArtifactPath) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = self.args.headers.clone();
        if !headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
            let kind = guess(path.name()).0.unwrap_or("application/octet-stream");
            headers.insert(0, (CONTENT_TYPE, HeaderValue::from_static(kind)));
        }
        headers
    }
}

/// What `MLFLOW_S3_UPLOAD_EXTRA_ARGS` says of all uploads, in the words of boto3's `ExtraArgs`.
#[derive(Debug, Default)]
pub(super) struct UploadArgs {
    /// Names and values of the library's settings.
    pub(super) settings: Vec<(&'static str, String)>,
    attributes: Attributes,
    pub(super) tags: TagSet,
    /// The same as headers, for uploads that clients send to the store themselves.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether each request needs a key of the operator's, which no client may learn.
    pub(super) has_customer_key: bool,
}

/// Bytes of a key that S3 encrypts with on behalf of a customer.
const CUSTOMER_KEY_BYTES: usize = 32;

impl UploadArgs {
    pub(super) const VARIABLE: &str = "MLFLOW_S3_UPLOAD_EXTRA_ARGS";

    /// Reads a JSON object.
    pub(super) fn read(json: &str) -> Result<Self, String> {
        let args: Map<String, Value> = serde_json::from_str(json)
            .map_err(|error| format!("{} is no JSON object: {error}", Self::VARIABLE))?;
        let mut read = Self::default();
        for (name, value) in args {
            read.add(&name, &value)?;
        }
        Ok(read)
    }

    fn add(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (attribute, header) = match name {
            "StorageClass" => (Attribute::StorageClass, "x-amz-storage-class"),
            "CacheControl" => (Attribute::CacheControl, "cache-control"),
            "ContentDisposition" => (Attribute::ContentDisposition, "content-disposition"),
            "ContentEncoding" => (Attribute::ContentEncoding, "content-encoding"),
            "ContentLanguage" => (Attribute::ContentLanguage, "content-language"),
            "ContentType" => (Attribute::ContentType, "content-type"),
            "Metadata" => return self.add_metadata(value),
            "Tagging" => {
                for (key, value) in form_urlencoded::parse(text.as_bytes()) {
                    self.tags.push(&key, &value);
                }
                return self.add_header("x-amz-tagging", name, &text);
            }
            "SSECustomerKey" => return self.add_customer_key(&text),
            // There is no other one.
            "SSECustomerAlgorithm" if text == "AES256" => return Ok(()),
            _ => return self.add_setting(name, text),
        };
        self.add_header(header, name, &text)?;
        self.attributes.insert(attribute, text.into());
        Ok(())
    }

    fn add_header(&mut self, header: &str, name: &str, text: &str) -> Result<(), String> {
        let unusable = || format!("{}: {name} can't be sent as a header", Self::VARIABLE);
        let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| unusable())?;
        self.headers.push((header, HeaderValue::from_str(text).map_err(|_| unusable())?));
        Ok(())
    }

    fn add_metadata(&mut self, value: &Value) -> Result<(), String> {
        let fields = value.as_object().into_iter().flatten();
        for (key, value) in fields {
            let value = value.as_str().ok_or_else(|| {
                format!("{}: Metadata must be an object of texts", Self::VARIABLE)
            })?;
            self.add_header(&format!("x-amz-meta-{key}"), "Metadata", value)?;
            self.attributes
                .insert(Attribute::Metadata(key.clone().into()), value.to_owned().into());
        }
        Ok(())
    }

    /// The key as boto3 takes it, which is the key itself, or in base64.
    fn add_customer_key(&mut self, text: &str) -> Result<(), String> {
        let decoded = BASE64_STANDARD.decode(text).ok();
        let key = match decoded.filter(|key| key.len() == CUSTOMER_KEY_BYTES) {
            Some(_) => text.to_owned(),
            None if text.len() == CUSTOMER_KEY_BYTES => BASE64_STANDARD.encode(text),
            None => {
                return Err(format!(
                    "{}: SSECustomerKey must be a key of {CUSTOMER_KEY_BYTES} bytes, as it is or in base64",
                    Self::VARIABLE
                ));
            }
        };
        self.has_customer_key = true;
        self.settings.push(("aws_server_side_encryption", "sse-c".to_owned()));
        self.settings.push(("aws_sse_customer_key_base64", key));
        Ok(())
    }

    fn add_setting(&mut self, name: &str, text: String) -> Result<(), String> {
        let (key, header) = match name {
            "ServerSideEncryption" => {
                ("aws_server_side_encryption", "x-amz-server-side-encryption")
            }
            "SSEKMSKeyId" => ("aws_sse_kms_key_id", "x-amz-server-side-encryption-aws-kms-key-id"),
            "BucketKeyEnabled" => {
                ("aws_sse_bucket_key_enabled", "x-amz-server-side-encryption-bucket-key-enabled")
            }
            "RequestPayer" if text == "requester" => {
                self.settings.push(("aws_request_payer", "true".to_owned()));
                return self.add_header("x-amz-request-payer", name, &text);
            }
            _ => {
                // Without the value, which may be a key under a name with a slip in it.
                return Err(format!(
                    "{}: mlferry can't send '{name}' as given with an upload; it knows \
                     ServerSideEncryption, SSEKMSKeyId, BucketKeyEnabled, SSECustomerKey, \
                     SSECustomerAlgorithm (AES256), StorageClass, Tagging, Metadata, RequestPayer \
                     (requester), CacheControl, ContentType, ContentEncoding, ContentDisposition and \
                     ContentLanguage",
                    Self::VARIABLE
                ));
            }
        };
        self.add_header(header, name, &text)?;
        self.settings.push((key, text));
        Ok(())
    }
}

fn guess(name: &str) -> (Option<&'static str>, Option<&'static str>) {
    let mut name = name.to_owned();
    if let Some((stem, suffix)) = name.rsplit_once('.')
        && let Some((_, long)) = SHORT.iter().find(|(short, _)| suffix == *short)
    {
        name = format!("{stem}.{long}");
    }
    let mut encoding = None;
    if let Some((stem, suffix)) = name.rsplit_once('.')
        && let Some((_, found)) = ENCODINGS.iter().find(|(known, _)| suffix == *known)
    {
        encoding = Some(*found);
        name = stem.to_owned();
    }
    // A name that is only a suffix has none.
    let suffix = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    let kind = suffix.and_then(|(_, suffix)| types::of_suffix(suffix));
    (kind, encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_arguments_are_read_or_refused_by_name() {
        let json = r#"{"ServerSideEncryption": "aws:kms", "StorageClass": "STANDARD_IA", "Tagging": "a=b&c=d", "Metadata": {"team": "x"}}"#;
        let args = UploadArgs::read(json).unwrap();
        assert_eq!(args.settings.len(), 1);
        assert_eq!(args.attributes.len(), 2);
        assert_eq!(args.tags.encoded(), "a=b&c=d");
        let refused = UploadArgs::read(r#"{"ACL": "private"}"#).unwrap_err();
        assert!(refused.contains("'ACL'") && !refused.contains("private"), "{refused}");
        assert!(UploadArgs::read("[]").is_err());
    }

    #[test]
    fn the_same_is_said_in_headers() {
        let json = r#"{"ServerSideEncryption": "aws:kms", "StorageClass": "STANDARD_IA", "Tagging": "a=b&c=d", "Metadata": {"team": "x"}}"#;
        let args = UploadArgs::read(json).unwrap();
        let mut headers: Vec<_> = args.headers.iter().map(|(name, _)| name.as_str()).collect();
        headers.sort_unstable();
        let expected = [
            "x-amz-meta-team",
            "x-amz-server-side-encryption",
            "x-amz-storage-class",
            "x-amz-tagging",
        ];
        assert_eq!(headers, expected);
        let refused = UploadArgs::read(r#"{"Metadata": {"a b": "x"}}"#).unwrap_err();
        assert!(refused.contains("Metadata can't be sent"), "{refused}");
    }

    #[test]
    fn a_customer_s_key_is_taken_as_it_is_or_in_base64_and_never_shown() {
        let encoded = BASE64_STANDARD.encode([b'k'; 32]);
        for key in ["k".repeat(32), encoded.clone()] {
            let json =
                format!(r#"{{"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "{key}"}}"#);
            let args = UploadArgs::read(&json).unwrap();
            let expected = [
                ("aws_server_side_encryption", "sse-c".to_owned()),
                ("aws_sse_customer_key_base64", encoded.clone()),
            ];
            assert_eq!(args.settings, expected);
            assert!(args.has_customer_key && args.headers.is_empty());
        }
        for json in [r#"{"SSECustomerKey": "s3cret"}"#, r#"{"SSECustomrKey": "s3cret"}"#] {
            let refused = UploadArgs::read(json).unwrap_err();
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn types_and_encodings_are_those_that_the_reference_guesses() {
        for (name, expected) in [
            ("a.txt", (Some("text/plain"), None)),
            ("a.json", (Some("application/json"), None)),
            ("a.tar.gz", (Some("application/x-tar"), Some("gzip"))),
            ("a.tgz", (Some("application/x-tar"), Some("gzip"))),
            ("a.gz", (None, Some("gzip"))),
            ("a.png", (Some("image/png"), None)),
            ("a.yaml", (None, None)),
            ("MLmodel", (None, None)),
            (".json", (None, None)),
        ] {
            assert_eq!(guess(name), expected, "{name}");
        }
    }
}
