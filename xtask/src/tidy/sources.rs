//! Rules for single files: size, width, what only tests may write, files nobody names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Problem, page};
use crate::shell::Result;

/// The most lines of a source file; beyond that a reader loses the thread.
const LINES_MAX: usize = 800;
/// Made from Rust sources, which are held to their own length.
const MADE: &str = "www/src/core/types.ts";
/// The most columns of a line; the formatter leaves comments and texts alone.
const COLUMNS_MAX: usize = 100;
/// Folders that are not ours to check.
const SKIPPED: &[&str] = &["target", "node_modules", ".git", "zablab-data"];
/// What is text in this repository.
const TEXT: &[&str] =
    &["rs", "toml", "md", "txt", "ts", "svelte", "js", "py", "html", "css", "json"];
/// Crates that serve others' data; a panic there must be explained.
const CAREFUL: &[&str] = &["core", "native", "sim"];

/// Every problem of every file under `root`.
pub fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut paths = Vec::new();
    collect(root, Path::new(""), &mut paths)?;
    let named = named_files(root, &paths)?;
    let mut problems = Vec::new();
    for path in paths {
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if !TEXT.contains(&extension.as_str()) {
            continue;
        }
        let Ok(text) = read(root, &path) else { continue };
        let mut report = |line, what: &str| {
            problems.push(Problem { path: path.clone(), line, what: what.to_owned() });
        };
        local_paths(root, &text, &mut report);
        page::check(&path, &text, &mut report);
        if ["ts", "svelte", "css"].contains(&extension.as_str()) && path != Path::new(MADE) {
            length(&text, &mut report);
        }
        if extension == "rs" {
            length(&text, &mut report);
            width(&text, &mut report);
            if is_careful(&path) {
                panics(&text, &mut report);
            }
            if !named.contains(&path) {
                report(0, "no module names this file");
            }
        }
    }
    Ok(problems)
}

fn length(text: &str, report: &mut impl FnMut(usize, &str)) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        report(0, &format!("{lines} lines, at most {LINES_MAX}"));
    }
}

fn width(text: &str, report: &mut impl FnMut(usize, &str)) {
    for (line, content) in (1..).zip(text.lines()) {
        let columns = content.chars().count();
        // A text that a line ends with cannot be broken.
        if columns > COLUMNS_MAX && !content.contains('"') {
            report(line, &format!("{columns} columns, at most {COLUMNS_MAX}"));
        }
    }
}

/// Shortcuts that tests may take and the product may not.
fn panics(text: &str, report: &mut impl FnMut(usize, &str)) {
    let shortcuts = [".unwrap()", "todo!(", "dbg!(", "unimplemented!("];
    let mut previous = "";
    for (line, content) in (1..).zip(text.lines()) {
        if previous.trim() == "#[cfg(test)]"
            && content.starts_with("mod ")
            && !content.ends_with(';')
        {
            // House style puts tests last, so nothing of the product follows.
            return;
        }
        previous = content;
        let code = content.split("//").next().unwrap_or(content);
        for shortcut in shortcuts.iter().filter(|shortcut| code.contains(*shortcut)) {
            report(line, &format!("{shortcut} outside tests; say why it cannot fail with expect"));
        }
    }
}

/// A file that names a folder of the machine it was written on works only there.
fn local_paths(root: &Path, text: &str, report: &mut impl FnMut(usize, &str)) {
    let home = std::env::var("HOME").unwrap_or_default();
    let root = root.to_string_lossy().into_owned();
    let folders = [home, root].map(|folder| folder + "/");
    for (line, content) in (1..).zip(text.lines()) {
        for folder in folders.iter().filter(|folder| folder.len() > 2) {
            if content.contains(folder.as_str()) {
                report(line, &format!("{folder} is a folder of this machine"));
            }
        }
    }
}

fn is_careful(path: &Path) -> bool {
    let test =
        path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    !test && CAREFUL.iter().any(|folder| path.starts_with(folder))
}

/// All files of Rust that some crate's root reaches by `mod`.
fn named_files(root: &Path, paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut named = BTreeSet::new();
    let mut waiting: Vec<PathBuf> =
        paths.iter().filter(|path| is_crate_root(path)).cloned().collect();
    while let Some(path) = waiting.pop() {
        let text = read(root, &path)?;
        let folder = module_folder(&path);
        let beside = modules(&text).map(|name| folder.join(format!("{name}.rs")));
        let inside = modules(&text).map(|name| folder.join(name).join("mod.rs"));
        let given = given_paths(&text).map(|given| path.with_file_name("").join(given));
        let found = beside.chain(inside).chain(given).filter(|file| paths.contains(file));
        waiting.extend(found.filter(|file| !named.contains(file)));
        named.insert(path);
    }
    Ok(named)
}

/// `src/lib.rs` and the like, or a program of its own beside `src`.
fn is_crate_root(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        [_, "src", "lib.rs" | "main.rs"] | [_, "build.rs"] => true,
        [_, "src", "bin", _, "main.rs"] | [_, "process", _, "src", "main.rs"] => true,
        [_, "src", "bin", file]
        | [_, "tests" | "benches" | "examples", file]
        | [_, "fuzz", "fuzz_targets", file] => file.ends_with(".rs"),
        _ => false,
    }
}

/// Where the modules are that this file names.
fn module_folder(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    if is_crate_root(path) || path.ends_with("mod.rs") {
        folder.to_owned()
    } else {
        path.with_extension("")
    }
}

/// The names in `mod name;` declarations.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let declaration = line.trim().strip_suffix(';')?;
        let (visibility, name) = match declaration.strip_prefix("mod ") {
            Some(name) => ("", name),
            None => declaration.split_once(" mod ")?,
        };
        let visible = visibility.is_empty() || visibility.starts_with("pub");
        let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        (visible && is_name).then_some(name)
    })
}

/// The paths in `#[path = "…"]` attributes.
fn given_paths(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"))
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<PathBuf>) -> Result {
    let named = |error: std::io::Error| format!("{}: {error}", root.join(folder).display());
    for entry in fs::read_dir(root.join(folder)).map_err(named)? {
        let entry = entry.map_err(named)?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(named)?;
        if SKIPPED.contains(&name.to_string_lossy().as_ref()) {
            continue;
        }
        if kind.is_dir() {
            collect(root, &folder.join(name), paths)?;
        } else if kind.is_file() {
            paths.push(folder.join(name));
        }
    }
    paths.sort();
    Ok(())
}

fn read(root: &Path, path: &Path) -> Result<String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str, &mut dyn FnMut(usize, &str));

    fn problems(check: Check, text: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        check(text, &mut |line, what| found.push((line, what.to_owned())));
        found
    }

    #[test]
    fn long_files_and_wide_lines_are_found() {
        let check: Check = |text, mut report| {
            length(text, &mut report);
            width(text, &mut report);
        };
        let wide = format!("a\n{}\n", "ä".repeat(101));
        assert_eq!(problems(check, &wide), [(2, "101 columns, at most 100".into())]);
        assert_eq!(problems(check, &"a\n".repeat(800)), []);
        assert_eq!(problems(check, &"a\n".repeat(801)), [(0, "801 lines, at most 800".into())]);
    }

    #[test]
    fn shortcuts_are_found_outside_tests_only() {
        let check: Check = |text, mut report| panics(text, &mut report);
        let text = "let a = b.unwrap(); // why\n// c.unwrap()\n#[cfg(test)]\nmod tests {\n\
                    d.unwrap();\n}\n";
        let lines: Vec<usize> = problems(check, text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1]);
        let module_elsewhere = "#[cfg(test)]\nmod tests;\nfn f() { todo!() }\n";
        assert_eq!(problems(check, module_elsewhere).len(), 1);
    }

    #[test]
    fn declarations_of_modules_are_read() {
        let text = "mod a;\npub mod b;\n    pub(crate) mod c;\nmod d {\n// mod e;\nuse f;\n";
        assert_eq!(modules(text).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn modules_are_beside_roots_and_inside_folders_of_others() {
        assert_eq!(module_folder(Path::new("core/src/lib.rs")), Path::new("core/src"));
        assert_eq!(module_folder(Path::new("core/src/tree/mod.rs")), Path::new("core/src/tree"));
        assert_eq!(module_folder(Path::new("core/src/peer.rs")), Path::new("core/src/peer"));
        assert_eq!(module_folder(Path::new("core/tests/a.rs")), Path::new("core/tests"));
        assert_eq!(module_folder(Path::new("sim/src/bin/a/main.rs")), Path::new("sim/src/bin/a"));
    }
}
