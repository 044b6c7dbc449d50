//! The report at toy sizes: every part of it runs, and programs get what they are promised.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_report_for_programs_has_its_shape() {
    let program = env!("CARGO_BIN_EXE_benches");
    let ran = Command::new(program).args(["report", "--tiny", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let json: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&json), ["figures", "t_us"]);
    assert!(json["t_us"].as_f64().unwrap() > 0.0);
    let figures = json["figures"].as_array().unwrap();
    assert!(figures.len() >= 20, "{figures:?}");
    for figure in figures {
        assert_eq!(names(figure), ["met", "name", "peer", "target", "unit", "value"]);
        assert!(figure["value"].is_f64(), "{figure}");
        assert_eq!(figure["target"].is_f64(), figure["met"].is_boolean(), "{figure}");
        assert!(figure["name"].is_string() && figure["unit"].is_string(), "{figure}");
    }
}
