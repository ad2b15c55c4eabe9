//! What has to be installed for a test, and what happens where it is not: the test is skipped with
//! a printed reason, or fails if it is named in `ATTUNED_TEST_REQUIRE` (as `mosquitto,python`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian puts what only services run.
const SYSTEM_FOLDERS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// The broker; `None`, after the reason was printed, if it is not installed.
///
/// # Panics
///
/// It is required and not there.
#[must_use]
pub fn mosquitto() -> Option<PathBuf> {
    let found = find("mosquitto");
    if found.is_none() {
        skip("mosquitto", "mosquitto is not installed (Debian: apt-get install mosquitto)");
    }
    found
}

/// A Python with paho-mqtt, which `ATTUNED_TEST_PYTHON` names or else is `python3`; `None`, after
/// the reason was printed, if there is none.
///
/// # Panics
///
/// It is required and not there.
#[must_use]
pub fn python_with_paho() -> Option<PathBuf> {
    let python = std::env::var_os("ATTUNED_TEST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let imports = Command::new(&python).args(["-c", "import paho.mqtt.enums"]).output();
    if imports.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skip(
        "python",
        &format!(
            "{} has no paho-mqtt 2 (pip install -r tests/paho/requirements.txt; ATTUNED_TEST_PYTHON names another one)",
            python.display()
        ),
    );
    None
}

/// Says why a test does nothing. Written past the test harness, which would keep it to itself.
///
/// # Panics
///
/// `tool` is required.
pub fn skip(tool: &str, reason: &str) {
    let required = std::env::var("ATTUNED_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == tool), "ATTUNED_TEST_REQUIRE names {tool}, but {reason}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    writeln!(std::io::stderr(), "skipped {test}: {reason}").expect("standard error");
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(SYSTEM_FOLDERS.split(':'))
        .map(|folder| Path::new(folder).join(program))
        .find(|p| p.is_file())
}

/// The root of the source tree.
#[must_use]
pub fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the tree")
}

/// The program under test: the one that was built beside this test, or that of
/// `ATTUNED_TEST_PROGRAM`, for figures of another build.
///
/// # Panics
///
/// It was not built.
#[must_use]
pub fn attuned() -> PathBuf {
    if let Some(program) = std::env::var_os("ATTUNED_TEST_PROGRAM") {
        return std::path::absolute(program).expect("a path");
    }
    let test = std::env::current_exe().expect("the test's own path");
    // target/<profile>/deps/e2e-…
    let profile = test.parent().and_then(Path::parent).expect("a profile's folder");
    let program = profile.join("attuned");
    assert!(
        program.is_file(),
        "{} is not built: `cargo test --workspace` builds it, `cargo test -p attuned-tests` does not",
        program.display()
    );
    program
}
