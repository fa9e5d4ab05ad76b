//! Checks the shape of the source tree; `scripts/structure` compiles and runs it. It needs nothing but the standard library.
//!
//! - A Rust file under `crates/*/` or `scripts/` has at most 400 lines.
//! - `crates/barkbird/src` has at most 4,000 lines, and at most 250 a file: the binary is glue.
//! - At most two files of a crate import each other in a circle. Imports are `use` declarations and paths that begin with
//!   `crate`, `super`, `self` or a child module; modules are resolved to their files. A `pub use` in a crate's root is not an
//!   import, and an item that is imported from there counts as imported from where it is defined. Test modules do not count.
//!   The crate `kernels` is exempt from this rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

const MAX_LINES: usize = 400;
const GLUE: &str = "barkbird";
const MAX_GLUE_LINES: usize = 250;
const MAX_GLUE_TOTAL: usize = 4200;
const MAX_CIRCLE: usize = 2;
const MAY_HAVE_CIRCLES: &[&str] = &["kernels"];

fn main() -> io::Result<()> {
    let root = env::args().nth(1).unwrap_or_else(|| ".".into());
    let mut problems = Vec::new();
    let mut n_files = 0;
    for folder in sorted(&Path::new(&root).join("crates"))? {
        let source = folder.join("src");
        if !source.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = BTreeMap::new();
        read(&source, &source, &mut files)?;
        n_files += files.len();
        let found = lengths(&name, &files).into_iter().chain(circles(&name, &files));
        problems.extend(found.map(|problem| format!("crates/{name}/src: {problem}")));
        for beside in ["tests", "examples", "benches"].map(|beside| folder.join(beside)) {
            problems.extend(long_files(&beside, &mut n_files)?);
        }
    }
    problems.extend(long_files(&Path::new(&root).join("scripts"), &mut n_files)?);
    for problem in &problems {
        println!("{problem}");
    }
    if n_files == 0 {
        println!("{root}: expected crates/*/src/*.rs, found none");
    } else if problems.is_empty() {
        println!("structure holds in {n_files} files");
        return Ok(());
    }
    process::exit(1)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The text of every Rust file under `folder`, by its path below `source` with `/`.
fn read(source: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    for path in sorted(folder)? {
        if path.is_dir() {
            read(source, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let parts: Vec<_> =
                path.strip_prefix(source).unwrap_or(&path).iter().map(|s| s.to_string_lossy()).collect();
            files.insert(parts.join("/"), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Files of a folder, where there is one, that are too long; how many there are is added to `n_files`.
fn long_files(folder: &Path, n_files: &mut usize) -> io::Result<Vec<String>> {
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        read(folder, folder, &mut files)?;
    }
    *n_files += files.len();
    Ok(lengths("", &files).into_iter().map(|problem| format!("{}: {problem}", folder.display())).collect())
}

fn lengths(name: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    let most = if name == GLUE { MAX_GLUE_LINES } else { MAX_LINES };
    let lines = |text: &String| text.lines().count();
    let long = files.iter().filter(|(_, text)| lines(text) > most);
    let mut found: Vec<_> = long.map(|(file, text)| format!("{file}: {} lines, at most {most}", lines(text))).collect();
    let total: usize = files.values().map(lines).sum();
    if name == GLUE && total > MAX_GLUE_TOTAL {
        found.push(format!("{total} lines together, at most {MAX_GLUE_TOTAL}"));
    }
    found
}

type Module = Vec<String>;

/// The module of a file: `a/mod.rs` and `a.rs` are `a`, `lib.rs` is the root.
fn module(file: &str) -> Module {
    let mut parts: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] || parts == ["main"] {
        parts.pop();
    }
    parts
}

fn circles(name: &str, files: &BTreeMap<String, String>) -> Vec<String> {
    if MAY_HAVE_CIRCLES.contains(&name) {
        return Vec::new();
    }
    let has_library = files.contains_key("lib.rs");
    // Nothing can import the program of a crate that is also a library.
    let of_library = files.iter().filter(|(file, _)| !(has_library && *file == "main.rs") && !file.starts_with("bin/"));
    let parsed: BTreeMap<Module, (&String, Parsed)> = of_library
        .map(|(file, text)| {
            let module = module(file);
            (module.clone(), (file, parse(&tokens(text), &module)))
        })
        .collect();
    let test_only: BTreeSet<&Module> = parsed.values().flat_map(|(_, parsed)| &parsed.test_modules).collect();
    let reexports: BTreeMap<&String, &Module> = match parsed.get(&Module::new()) {
        Some((_, root)) => root.reexports.iter().map(|(name, path)| (name, path)).collect(),
        None => BTreeMap::new(),
    };
    let file_of = |path: &Module| {
        let path = match path.first().and_then(|first| reexports.get(first)) {
            Some(defined) if !parsed.contains_key(&path[..1]) => *defined,
            _ => path,
        };
        (0..=path.len()).rev().find_map(|n| parsed.get(&path[..n])).map(|(file, _)| file.as_str())
    };
    let mut imports = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (_, (file, parsed)) in parsed.iter().filter(|(module, _)| !test_only.contains(module)) {
        let to = parsed.paths.iter().filter_map(file_of).filter(|to| to != file).collect();
        imports.insert(file, to);
    }
    let describe = |circle: &Vec<&str>| {
        let edge = |from: &str| {
            let to: Vec<_> = imports[from].iter().filter(|to| circle.contains(to)).copied().collect();
            format!("  {from} imports {}", to.join(", "))
        };
        let edges: Vec<_> = circle.iter().map(|from| edge(from)).collect();
        format!("a circle of {} files, at most {MAX_CIRCLE}:\n{}", circle.len(), edges.join("\n"))
    };
    components(&imports).iter().filter(|circle| circle.len() > MAX_CIRCLE).map(describe).collect()
}

/// Sets of nodes that reach each other (strongly connected components).
fn components<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reach = |from: &'a str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(node) = next.pop() {
            for to in edges.get(node).into_iter().flatten() {
                if seen.insert(*to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|node| (*node, reach(node))).collect();
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for node in edges.keys() {
        let both = |other: &&&str| other == &node || reached[node].contains(**other) && reached[**other].contains(node);
        if !done.contains(node) {
            let component: Vec<&str> = edges.keys().filter(both).copied().collect();
            done.extend(component.iter().copied());
            found.push(component);
        }
    }
    found
}

/// Identifiers and punctuation without comments, strings and characters. `::` is one token.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                while i < chars.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            '"' => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character or a lifetime.
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' => i += if at(i + 2) == '\'' { 3 } else { 1 },
            c if is_word(c) => {
                while is_word(at(i)) {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                let mut hashes = 0;
                while at(i + hashes) == '#' {
                    hashes += 1;
                }
                // A raw string ends at a quote and as many hashes.
                if matches!(word.as_str(), "r" | "br" | "cr") && at(i + hashes) == '"' {
                    i += hashes + 1;
                    while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|k| at(i + k) == '#')) {
                        i += 1;
                    }
                    i += 1 + hashes;
                } else {
                    out.push(word);
                }
            }
            ':' if at(i + 1) == ':' => {
                out.push("::".into());
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    out.push(c.into());
                }
                i += 1;
            }
        }
    }
    out
}

/// What a file says about modules.
#[derive(Default)]
struct Parsed {
    /// Paths from the crate's root that the file imports or names.
    paths: Vec<Module>,
    /// Names that the crate's root re-exports, and where they are defined.
    reexports: Vec<(String, Module)>,
    /// File modules that are only there in tests.
    test_modules: Vec<Module>,
}

fn parse(tokens: &[String], file: &Module) -> Parsed {
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let children: BTreeSet<&str> =
        (0..tokens.len()).filter(|&i| at(i) == "mod" && at(i + 2) == ";").map(|i| at(i + 1)).collect();
    let mut parsed = Parsed::default();
    // The module at each depth of braces.
    let mut modules = vec![file.clone()];
    let mut i = 0;
    while i < tokens.len() {
        let here = modules.last().unwrap_or(file).clone();
        let is_test = i >= 7 && tokens[i - 7..i].concat() == "#[cfg(test)]";
        match at(i) {
            "mod" if at(i + 2) == ";" => {
                if is_test {
                    parsed.test_modules.push(joined(&here, at(i + 1)));
                }
                i += 3;
            }
            "mod" if at(i + 2) == "{" => {
                if is_test {
                    i = block_end(tokens, i + 2);
                } else {
                    modules.push(joined(&here, at(i + 1)));
                    i += 3;
                }
            }
            "{" => {
                modules.push(here);
                i += 1;
            }
            "}" => {
                if modules.len() > 1 {
                    modules.pop();
                }
                i += 1;
            }
            "use" => {
                let end = (i..tokens.len()).find(|&k| at(k) == ";").unwrap_or(tokens.len());
                let is_public = i >= 1 && at(i - 1) == "pub";
                for (name, path) in leaves(&tokens[i + 1..end], &Vec::new()) {
                    let Some(path) = absolute(&path, &here, &children) else { continue };
                    if is_public && file.is_empty() {
                        parsed.reexports.push((name, path));
                    } else {
                        parsed.paths.push(path);
                    }
                }
                i = end + 1;
            }
            _ if at(i + 1) == "::" && (i == 0 || !matches!(at(i - 1), "::" | ".")) => {
                let mut path = vec![at(i).to_owned()];
                i += 1;
                while at(i) == "::" && at(i + 1).chars().all(|c| c.is_alphanumeric() || c == '_') {
                    path.push(at(i + 1).to_owned());
                    i += 2;
                }
                parsed.paths.extend(absolute(&path, &here, &children));
                // What follows may be generic arguments: `Vec::<crate::a::B>`.
                i += usize::from(at(i) == "::");
            }
            _ => i += 1,
        }
    }
    parsed
}

fn joined(module: &Module, child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

/// One past the brace that closes the one at `open`.
fn block_end(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// Every path of a `use` tree with the name that it brings in.
fn leaves(tree: &[String], before: &Module) -> Vec<(String, Module)> {
    let mut path = before.clone();
    for (i, token) in tree.iter().enumerate() {
        match token.as_str() {
            "::" => {}
            "{" => {
                let inner = &tree[i + 1..block_end(tree, i) - 1];
                let mut depth = 0;
                let branches = inner.split(|token| {
                    depth += i32::from(token == "{") - i32::from(token == "}");
                    depth == 0 && token == ","
                });
                return branches.filter(|branch| !branch.is_empty()).flat_map(|branch| leaves(branch, &path)).collect();
            }
            "as" => return vec![(tree.get(i + 1).cloned().unwrap_or_default(), path)],
            "*" => break,
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
    }
    vec![(path.last().cloned().unwrap_or_default(), path)]
}

/// A path from the crate's root; none for one that leads out of the crate.
fn absolute(path: &Module, here: &Module, children: &BTreeSet<&str>) -> Option<Module> {
    let mut base = match path.first()?.as_str() {
        "crate" => Module::new(),
        "self" | "super" => here.clone(),
        child if children.contains(child) => joined(here, child),
        _ => return None,
    };
    if path[0] == "super" {
        base.pop()?;
    }
    for part in &path[1..] {
        if part == "super" {
            base.pop()?;
        } else {
            base.push(part.clone());
        }
    }
    Some(base)
}

#[cfg(test)]
#[path = "structure_tests.rs"]
mod tests;
