//! The web page: our own, MLflow's out of an installed `mlflow`, or none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use mlferry_protocol::MLFLOW_VERSION;
use mlferry_server::Page;

use crate::env::Env;
use crate::usage::Stop;

/// Where the page is inside the package.
const BUILD: &str = "server/js/build";
/// Names of the folders in which Python keeps packages; the second is Debian's.
const PACKAGES: [&str; 2] = ["site-packages", "dist-packages"];
/// Variables that name an environment of Python's.
const ENVIRONMENTS: [&str; 2] = ["VIRTUAL_ENV", "CONDA_PREFIX"];
/// How long Python may take to say where the package is.
const PYTHON_TIME: Duration = Duration::from_secs(10);
/// Asks Python for the package's folders, without importing it. The working directory is not looked into.
const WHERE: &str = "import sys
sys.path[:] = [folder for folder in sys.path if folder]
import importlib.util
spec = importlib.util.find_spec('mlflow')
print(*(spec and spec.submodule_search_locations or []), sep='\\n')";

/// What stood on the command line or in the environment.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct UiFlags {
    /// Web page to show: 'builtin' is mlferry's own, 'stock' that of an installed mlflow package, 'none' only says that
    /// the server runs (default: builtin, or stock with --ui-path)
    #[arg(long, value_name = "builtin|stock|none", env = "MLFERRY_UI")]
    pub(crate) ui: Option<String>,

    /// Folder of the stock page, with its index.html (default: that of the package which is found)
    #[arg(long, value_name = "DIR", env = "MLFERRY_UI_PATH")]
    pub(crate) ui_path: Option<String>,
}

/// Checks the flags, and finds the page.
pub(crate) fn resolve(flags: &UiFlags, env: &Env, notices: &mut Vec<String>) -> Result<Page, Stop> {
    let path = flags.ui_path.as_deref().filter(|path| !path.is_empty());
    let ui = flags.ui.as_deref().filter(|ui| !ui.is_empty()).map(str::to_ascii_lowercase);
    Ok(match (ui.as_deref(), path) {
        (Some("builtin") | None, None) => Page::Builtin,
        (Some("none"), None) => Page::None,
        (Some(ui @ ("builtin" | "none")), Some(_)) => {
            return Err(Stop::usage(format!(
                "--ui-path is of no use with --ui {ui}. Leave one of them out."
            )));
        }
        (Some("stock") | None, Some(path)) => Page::Stock(page_in(Path::new(path)).map_err(|error| {
            Stop::Refused(format!(
                "--ui-path '{path}' is not the folder of a web page: its index.html can't be read ({error})."
            ))
        })?),
        (Some("stock"), None) => {
            let package = installed(env).or_else(known_to_python).ok_or_else(|| {
                Stop::Refused(format!(
                    "--ui stock: no installed mlflow with its web page was found, neither beside this program, nor in \
                     VIRTUAL_ENV, nor by python3. Install it with 'pip install mlflow=={MLFLOW_VERSION}' \
                     (mlflow-skinny has no page), or name the page's folder with --ui-path."
                ))
            })?;
            Page::Stock(package.serve(notices))
        }
        (Some(other), _) => {
            return Err(Stop::invalid(
                "'--ui'",
                format_args!("'{other}' is not one of 'builtin', 'stock', 'none'."),
            ));
        }
    })
}

/// An installed `mlflow` that has the page.
struct Package {
    folder: PathBuf,
    page: PathBuf,
}

impl Package {
    fn at(folder: PathBuf) -> Option<Self> {
        let page = page_in(&folder.join(BUILD)).ok()?;
        Some(Self { folder, page })
    }

    /// The page's folder, after it was said whose it is.
    fn serve(self, notices: &mut Vec<String>) -> PathBuf {
        let version = self.version().unwrap_or_else(|| "of an unknown version".to_owned());
        let note = if version == MLFLOW_VERSION {
            String::new()
        } else {
            format!(
                " WARNING: it was made for another version than {MLFLOW_VERSION}, whose API this server has."
            )
        };
        notices.push(format!(
            "Web page: that of mlflow {version} in {}.{note}",
            self.folder.display()
        ));
        self.page
    }

    fn version(&self) -> Option<String> {
        let text = fs::read_to_string(self.folder.join("version.py")).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix("VERSION = "))?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    }
}

/// The folder in which a page's files really are: some installers make each of them a link into a cache.
fn page_in(folder: &Path) -> std::io::Result<PathBuf> {
    let index = fs::canonicalize(folder.join("index.html"))?;
    fs::File::open(&index)?;
    Ok(index.parent().unwrap_or(folder).to_owned())
}

/// The package in the environment of this program, or in the one that is active.
fn installed(env: &Env) -> Option<Package> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).filter(|folder| folder.ends_with("bin"));
    let beside = beside.and_then(Path::parent).map(Path::to_owned);
    let active = ENVIRONMENTS.iter().filter_map(|name| env.get(name).ok().flatten());
    beside.into_iter().chain(active.map(PathBuf::from)).find_map(|prefix| package_below(&prefix))
}

/// The package of the newest Python of an environment: `lib/python3.11/site-packages/mlflow`.
fn package_below(environment: &Path) -> Option<Package> {
    let entries = fs::read_dir(environment.join("lib")).ok()?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut pythons: Vec<String> = names.filter(|name| name.starts_with("python3")).collect();
    // By length first: 3.9 comes before 3.11.
    pythons.sort_by_key(|name| std::cmp::Reverse((name.len(), name.clone())));
    let folders = pythons.iter().flat_map(|python| {
        PACKAGES.map(|name| environment.join("lib").join(python).join(name).join("mlflow"))
    });
    folders.into_iter().find_map(Package::at)
}

fn known_to_python() -> Option<Package> {
    let mut python = Command::new("python3");
    python.args(["-c", WHERE]).stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
    let child = finished(python.spawn().ok()?)?;
    let output = child.wait_with_output().ok()?;
    let folders = String::from_utf8(output.stdout).ok()?;
    folders.lines().find_map(|folder| Package::at(folder.into()))
}

/// The process once it has ended; one that takes too long is ended.
fn finished(mut child: Child) -> Option<Child> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Some(child),
            Ok(None) if begun.elapsed() < PYTHON_TIME => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(environment: &Path, python: &str) -> PathBuf {
        let package = environment.join("lib").join(python).join("site-packages/mlflow");
        fs::create_dir_all(package.join(BUILD)).unwrap();
        fs::write(package.join(BUILD).join("index.html"), "page").unwrap();
        fs::write(package.join("version.py"), "import re\nVERSION = \"3.9.0\"\n").unwrap();
        package
    }

    #[test]
    fn the_active_environment_is_looked_into() {
        let environment = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(environment.path()).unwrap();
        let env = Env::from([("VIRTUAL_ENV", root.to_str().unwrap())]);
        install(&root, "python3.9");
        let package = install(&root, "python3.11");
        let stock = UiFlags { ui: Some("stock".to_owned()), ui_path: None };
        let mut notices = Vec::new();
        let found = resolve(&stock, &env, &mut notices).unwrap();
        assert_eq!(found, Page::Stock(package.join(BUILD)));
        let [notice] = notices.as_slice() else { panic!("{notices:?}") };
        assert!(notice.contains("mlflow 3.9.0") && notice.contains("WARNING"), "{notice}");
        assert!(notice.contains(MLFLOW_VERSION), "{notice}");

        for (ui, page) in
            [(None, Page::Builtin), (Some("Builtin"), Page::Builtin), (Some("none"), Page::None)]
        {
            let flags = UiFlags { ui: ui.map(str::to_owned), ui_path: None };
            assert_eq!(resolve(&flags, &env, &mut Vec::new()).unwrap(), page, "{ui:?}");
        }
    }

    #[test]
    fn a_page_whose_files_are_links_is_served_from_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("cache")).unwrap();
        fs::create_dir_all(root.join("page")).unwrap();
        fs::write(root.join("cache/index.html"), "page").unwrap();
        std::os::unix::fs::symlink(root.join("cache/index.html"), root.join("page/index.html"))
            .unwrap();
        assert_eq!(page_in(&root.join("page")).unwrap(), root.join("cache"));
    }

    #[test]
    fn what_can_not_be_served_is_refused() {
        let refusal = |ui: &str, path: &str| {
            let flags = UiFlags { ui: Some(ui.to_owned()), ui_path: Some(path.to_owned()) };
            resolve(&flags, &Env::default(), &mut Vec::new()).unwrap_err().to_string()
        };
        assert!(refusal("stock", "/nope").contains("--ui-path '/nope'"));
        assert!(refusal("", "/nope").contains("--ui-path '/nope'"));
        assert!(refusal("none", "/nope").contains("no use with --ui none"));
        assert!(refusal("builtin", "/nope").contains("no use with --ui builtin"));
        assert!(
            refusal("bultin", "").contains("'bultin' is not one of 'builtin', 'stock', 'none'.")
        );
    }
}
