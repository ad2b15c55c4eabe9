//! The program as it is typed. That this is an integration test also has `cargo test` build the
//! program, which the end-to-end tests of the package in `tests/` run.

mod plugins;

use std::process::Command;

#[test]
fn the_program_says_its_version() {
    let said = Command::new(env!("CARGO_BIN_EXE_attuned")).arg("--version").output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("attuned {}\n", env!("CARGO_PKG_VERSION")));
    assert!(said.status.success());
}
