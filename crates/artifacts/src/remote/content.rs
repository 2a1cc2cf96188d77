//! What a store is told of an object beside its bytes, as the reference tells it.

use super::{Opened, Told, types};
use crate::ArtifactPath;
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
}

/// What `MLFLOW_S3_UPLOAD_EXTRA_ARGS` says of all uploads, in the words of boto3's `ExtraArgs`.
#[derive(Debug, Default)]
pub(super) struct UploadArgs {
    /// Names and values of the library's settings.
    pub(super) settings: Vec<(&'static str, String)>,
    attributes: Attributes,
    pub(super) tags: TagSet,
}

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
        let attribute = match name {
            "StorageClass" => Attribute::StorageClass,
            "CacheControl" => Attribute::CacheControl,
            "ContentDisposition" => Attribute::ContentDisposition,
            "ContentEncoding" => Attribute::ContentEncoding,
            "ContentLanguage" => Attribute::ContentLanguage,
            "ContentType" => Attribute::ContentType,
            "Metadata" => return self.add_metadata(value),
            "Tagging" => {
                for (key, value) in form_urlencoded::parse(text.as_bytes()) {
                    self.tags.push(&key, &value);
                }
                return Ok(());
            }
            _ => return self.add_setting(name, text),
        };
        self.attributes.insert(attribute, text.into());
        Ok(())
    }

    fn add_metadata(&mut self, value: &Value) -> Result<(), String> {
        let fields = value.as_object().into_iter().flatten();
        for (key, value) in fields {
            let value = value.as_str().ok_or_else(|| {
                format!("{}: Metadata must be an object of texts", Self::VARIABLE)
            })?;
            self.attributes
                .insert(Attribute::Metadata(key.clone().into()), value.to_owned().into());
        }
        Ok(())
    }

    fn add_setting(&mut self, name: &str, text: String) -> Result<(), String> {
        let key = match name {
            "ServerSideEncryption" => "aws_server_side_encryption",
            "SSEKMSKeyId" => "aws_sse_kms_key_id",
            "BucketKeyEnabled" => "aws_sse_bucket_key_enabled",
            "SSECustomerKey" => "aws_sse_customer_key_base64",
            "RequestPayer" if text == "requester" => {
                self.settings.push(("aws_request_payer", "true".to_owned()));
                return Ok(());
            }
            _ => {
                return Err(format!(
                    "{}: mlferry can't send '{name}': '{text}' with an upload; it knows \
                     ServerSideEncryption, SSEKMSKeyId, BucketKeyEnabled, SSECustomerKey, StorageClass, \
                     Tagging, Metadata, RequestPayer, CacheControl, ContentType, ContentEncoding, \
                     ContentDisposition and ContentLanguage",
                    Self::VARIABLE
                ));
            }
        };
        self.settings.push((key, text));
        Ok(())
    }
}

/// The type of a file for a client that must send one.
pub(super) fn media_type(path: &ArtifactPath) -> &'static str {
    guess(path.name()).0.unwrap_or("application/octet-stream")
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
        assert!(refused.contains("'ACL': 'private'"), "{refused}");
        assert!(UploadArgs::read("[]").is_err());
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
