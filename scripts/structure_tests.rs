//! The tests of `structure.rs`; `scripts/structure` runs them.

use super::*;

fn crate_of(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
}

fn n_circles(files: &[(&str, &str)]) -> usize {
    circles("sample", &crate_of(files)).len()
}

#[test]
fn three_files_in_a_circle_are_found_and_two_are_not() {
    let a = ("a.rs", "use crate::b::B;");
    let lib = ("lib.rs", "mod a; mod b; mod c;");
    assert_eq!(n_circles(&[lib, a, ("b.rs", "use super::c;"), ("c.rs", "fn f() { crate::a::g() }")]), 1);
    assert_eq!(n_circles(&[lib, a, ("b.rs", "use super::c;"), ("c.rs", "// crate::a::g()\n")]), 0);
    assert_eq!(n_circles(&[lib, a, ("b.rs", "use crate::a;"), ("c.rs", "use crate::{a, b};")]), 0);
    let files = crate_of(&[lib, a, ("b.rs", "use super::c;"), ("c.rs", "use crate::a;")]);
    assert_eq!(circles("kernels", &files).len(), 0);
}

#[test]
fn trees_aliases_and_globs_are_followed() {
    let lib = ("lib.rs", "mod a; mod b; mod c;");
    let files = [lib, ("a.rs", "use crate::{b::{self as other, B}, };"), ("b.rs", "use crate::c::*;")];
    assert_eq!(n_circles(&[&files[..], &[("c.rs", "pub(crate) use self::super::a as x;")]].concat()), 1);
}

#[test]
fn reexports_of_the_root_lead_to_the_definition() {
    let lib = ("lib.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B as Renamed; pub use c::C;");
    let free = [lib, ("a.rs", "use crate::Renamed;"), ("b.rs", "use crate::C;"), ("c.rs", "use std::io;")];
    assert_eq!(n_circles(&free), 0);
    let circle = [lib, ("a.rs", "use crate::Renamed;"), ("b.rs", "use crate::C;"), ("c.rs", "use crate::A;")];
    assert_eq!(n_circles(&circle), 1);
}

#[test]
fn parents_that_call_their_children_and_are_called_count() {
    let files = [
        ("lib.rs", "mod p;"),
        ("p/mod.rs", "mod x; mod y; pub(crate) struct P; fn f() { x::g(); self::y::g() }"),
        ("p/x.rs", "use super::P;"),
        ("p/y.rs", "fn g(_: super::P) {}"),
    ];
    assert_eq!(n_circles(&files), 1);
}

#[test]
fn tests_strings_and_inline_modules_do_not_mislead() {
    let lib = ("lib.rs", "mod a; mod b; mod c; #[cfg(test)] mod t;");
    let files = [
        lib,
        ("a.rs", "use crate::b; #[cfg(test)] mod tests { use super::*; use crate::c; } fn f<'a>(x: &'a str) {}"),
        ("b.rs", "const S: &str = r#\"\"crate::a\"#; const C: char = '\\''; use crate::c;"),
        ("c.rs", "mod inner { use super::T; } const S: &str = \"\\\"crate::a\"; /* crate::a /* */ crate::a */"),
        ("t.rs", "use crate::{a, b, c};"),
    ];
    assert_eq!(n_circles(&files), 0);
    let back = ("c.rs", "mod inner { use super::super::a; }");
    assert_eq!(n_circles(&[files[0], files[1], files[2], back, files[4]]), 1);
}

#[test]
fn lengths_are_those_of_the_crate() {
    let long = "\n".repeat(300);
    let files: Vec<_> = (0..15).map(|i| (format!("{i}.rs"), long.clone())).collect();
    let files: BTreeMap<_, _> = files.into_iter().collect();
    assert_eq!(lengths("sample", &files), Vec::<String>::new());
    assert_eq!(lengths(GLUE, &files).len(), 16);
    assert_eq!(lengths("sample", &crate_of(&[("a.rs", &"\n".repeat(401))])), ["a.rs: 401 lines, at most 400"]);
}
