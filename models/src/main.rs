//! `cargo run -p models -- write` looks through all states of all models and writes what it finds
//! to `docs/ATOMICITY.md`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use models::page;
use models::report::Report;

fn main() -> io::Result<ExitCode> {
    if std::env::args().skip(1).ne(["write"]) {
        writeln!(io::stderr(), "expected one argument: write")?;
        return Ok(ExitCode::from(2));
    }
    std::fs::write(page::PATH, page::render(&Report::make()))?;
    Ok(ExitCode::SUCCESS)
}
