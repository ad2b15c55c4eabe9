//! `attuned doctor`.

use clap::Args;

use crate::cli::config::origin;
use crate::cli::session::configuration;
use crate::cli::table::Table;
use crate::cli::{Common, EXIT_INPUT, EXIT_UNREACHABLE, Failure, Printer};
use crate::doctor::{Check, Outcome, examine};

/// Look for what is wrong, and say what to do about it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Each line is one check: ok, warn (it works, but not as well as it could) or fail. The exit code is
0 unless a check fails: 69 if only the broker or the daemon does, else 64. Run it as the user of
the daemon, or as root, to have everything checked.

Examples:
  attuned doctor
  attuned doctor --json --config attuned.toml")]
pub struct Doctor {}

pub fn run(_: Doctor, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    let checks = match configuration(common) {
        Ok(config) => {
            let mut checks = vec![Check::ok("configuration", format!("in order: {}", origin(common)))];
            let examined = examine(&config);
            checks.extend(examined.map_err(|error| Failure::Fault(format!("no event loop: {error}")))?);
            checks
        }
        Err(failure) => {
            let advice = "mend it; `attuned config check` tells when it is in order";
            vec![Check::fail("configuration", failure.to_string(), advice)]
        }
    };
    if printer.is_json() {
        for check in &checks {
            printer.object(check)?;
        }
    } else {
        printer.text(render(&checks))?;
    }
    let mut failed = checks.iter().filter(|check| check.outcome == Outcome::Fail).peekable();
    if failed.peek().is_none() {
        return Ok(());
    }
    printer.finish()?;
    let away = failed.all(|check| matches!(check.name, "broker" | "daemon"));
    Err(Failure::Told(if away { EXIT_UNREACHABLE } else { EXIT_INPUT }))
}

fn render(checks: &[Check]) -> String {
    let mut table = Table::default();
    for check in checks {
        let advice = check.advice.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default();
        table.row([
            check.outcome.name().to_owned(),
            check.name.to_owned(),
            format!("{}{advice}", check.finding),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_one_line() {
        let checks = [
            Check::ok("models", "3 models, 52 MB"),
            Check::warn("daemon", "none answers on /run/a.sock", "start it with `attuned run`"),
            Check::fail("store", "/var/lib/attuned is read-only", "mount it for writing"),
        ];
        expect_test::expect![[r#"
            ok    models  3 models, 52 MB
            warn  daemon  none answers on /run/a.sock; start it with `attuned run`
            fail  store   /var/lib/attuned is read-only; mount it for writing
        "#]]
        .assert_eq(&(render(&checks) + "\n"));
    }
}
