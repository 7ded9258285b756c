//! The rules of the code that no compiler checks: sizes, and who may depend on whom.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code in a file, tests at its end not counted.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 70;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 100;

/// Which crates of ours each crate may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("protocol", &["core"]),
    ("store", &["core"]),
    ("sched", &[]),
    ("uring", &[]),
    ("runtime", &["core", "sched"]),
    ("gateway", &["core", "protocol", "sched", "uring"]),
    ("client", &["core", "protocol"]),
    ("plaza", &["core"]),
    ("server", &["core", "protocol", "store", "runtime", "gateway"]),
    ("lifeboat", &["core", "protocol", "sched", "client", "plaza", "server"]),
    ("sim", &["core", "protocol", "gateway"]),
];

/// Libraries that only some crates may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("axum", &["server", "runtime"]),
    ("rusqlite", &["store"]),
    ("tokio", &["store", "runtime", "server", "client", "plaza", "lifeboat"]),
    ("mio", &["gateway"]),
    ("libc", &["sched", "uring"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the workspace").to_owned()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    rust_files(&root().join("crates"), &mut found);
    rust_files(&root().join("bench"), &mut found);
    rust_files(&root().join("tests"), &mut found);
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            (path.strip_prefix(root()).expect("below the root").to_owned(), text)
        })
        .collect()
}

fn is_test(path: &Path) -> bool {
    let text = path.display().to_string();
    text.contains("/tests/") || text.starts_with("tests/") || text.ends_with("tests.rs")
}

#[test]
fn files_functions_and_lines_are_small() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or("");
        let lines = code.lines().count();
        if lines > FILE_LINES_MAX && !is_test(&path) {
            problems.push(format!("{}: {lines} lines", path.display()));
        }
        problems.extend(long_functions(&path, code));
        for (number, line) in text.lines().enumerate() {
            // Texts are not broken: rustfmt leaves them alone too.
            let has_text = line.contains('"') || line.trim_end().ends_with('\\');
            if line.chars().count() > LINE_CHARS_MAX && !has_text {
                problems.push(format!("{}:{}: a long line", path.display(), number + 1));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Functions are found by their indentation, which rustfmt makes reliable.
fn long_functions(path: &Path, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in code.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let head = line.trim_start();
        let is_function = ["fn ", "pub fn ", "pub(", "async fn ", "pub async fn ", "const fn "]
            .iter()
            .any(|start| head.starts_with(start))
            && head.contains("fn ");
        if is_function && open.is_none() && !head.ends_with(';') {
            open = Some((number, indent, head.to_owned()));
        } else if let Some((start, at, name)) = &open
            && indent == *at
            && (head == "}" || head.ends_with(';'))
        {
            if number - start > FUNCTION_LINES_MAX {
                found.push(format!(
                    "{}:{}: {name} has {} lines",
                    path.display(),
                    start + 1,
                    number - start
                ));
            }
            open = None;
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let found = words.iter().find(|word| line.contains(word.as_str()));
            assert!(found.is_none(), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    for (name, allowed) in MAY_DEPEND_ON {
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        let dependencies = text.split("[dev-dependencies]").next().unwrap_or("");
        for (other, _) in MAY_DEPEND_ON {
            let is_named = dependencies.contains(&format!("lifeboat-{other}."))
                || dependencies.contains(&format!("lifeboat-{other} "));
            assert!(!is_named || allowed.contains(other), "{name} must not depend on {other}");
        }
        for (library, users) in RESERVED {
            let is_named = dependencies.lines().any(|line| {
                line.starts_with(&format!("{library}.")) || line.starts_with(&format!("{library} "))
            });
            assert!(!is_named || users.contains(name), "{name} must not name {library}");
        }
    }
}

#[test]
fn only_the_sqlite_files_name_the_sqlite_crate() {
    for (path, text) in sources() {
        let text_path = path.display().to_string();
        let may = text_path.starts_with("crates/store/src/sqlite")
            || text_path.starts_with("crates/store/tests")
            || text_path.starts_with("tests/");
        assert!(may || !text.contains("rusqlite::"), "{text_path} names rusqlite");
    }
}
