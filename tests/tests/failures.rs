//! `docs/FAILURES.md` names tests that there are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

/// All test functions of a folder's sources.
fn collect(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // An attribute, and beneath it the function.
            for part in text.split("#[test]").skip(1).chain(text.split("#[tokio::test").skip(1)) {
                let name = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
                found.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_test_that_the_failures_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("docs/FAILURES.md")).unwrap();
    let mut tests = Vec::new();
    collect(root, &mut tests);
    let names = text.split('`').skip(1).step_by(2).filter(|name| name.contains('_'));
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 80, "{}", names.len());
    let missing: Vec<&&str> =
        names.iter().filter(|name| !tests.iter().any(|test| test == **name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
