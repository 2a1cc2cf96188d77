//! The media type of a download, from its name alone.

/// Types that are shown as text, by extension.
const TEXT: [&str; 25] = [
    "txt",
    "log",
    "err",
    "cfg",
    "conf",
    "cnf",
    "cf",
    "ini",
    "properties",
    "prop",
    "hocon",
    "toml",
    "yaml",
    "yml",
    "xml",
    "json",
    "js",
    "py",
    "py3",
    "csv",
    "tsv",
    "md",
    "rst",
    "ipynb",
    "MLmodel",
];
/// The other name without extension that is text.
const PROJECT_FILE: &str = "mlproject";
/// Extensions that say how a file is packed; the one before them says what it is.
const ENCODINGS: [&str; 5] = ["gz", "bz2", "xz", "Z", "br"];
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file called `name`.
///
/// The reference asks Python's `mimetypes`, which reads the tables of its host; where those differ
/// from the registry of our library in what machine learning uses, theirs are kept.
pub(super) fn of(name: &str) -> &'static str {
    let extension = extension(name);
    let last = extension.unwrap_or(name);
    if TEXT.contains(&last) || last == PROJECT_FILE {
        return "text/plain";
    }
    let Some(extension) = extension else { return UNKNOWN };
    if ENCODINGS.contains(&extension) {
        let unpacked = &name[..name.len() - extension.len() - 1];
        return self::extension(unpacked).map_or(UNKNOWN, of_extension);
    }
    of_extension(extension)
}

fn of_extension(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "h5" | "hdf5" => "application/x-hdf5",
        "jsonl" | "parquet" | "pt" | "pkl" | "npy" | "onnx" | "safetensors" => UNKNOWN,
        "js" => "text/javascript",
        extension => mime_guess::from_ext(extension).first_raw().unwrap_or(UNKNOWN),
    }
}

/// What follows the last dot, unless the dot begins the name.
fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.trim_start_matches('.').is_empty() && !extension.is_empty()).then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_types_of_the_reference() {
        for (name, expected) in [
            ("a.txt", "text/plain"),
            ("a.json", "text/plain"),
            ("a.Json", "application/json"),
            (".json", UNKNOWN),
            ("MLmodel", "text/plain"),
            ("MLproject", UNKNOWN),
            ("mlproject", "text/plain"),
            ("a.html", "text/html"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.pdf", "application/pdf"),
            ("a.zip", "application/zip"),
            ("a.mp4", "video/mp4"),
            ("a.tar.gz", "application/x-tar"),
            ("a.gz", UNKNOWN),
            ("a.pkl", UNKNOWN),
            ("a.parquet", UNKNOWN),
            ("a.jsonl", UNKNOWN),
            ("a.h5", "application/x-hdf5"),
            ("none", UNKNOWN),
            ("a.", UNKNOWN),
            ("日本.csv", "text/plain"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }
}
