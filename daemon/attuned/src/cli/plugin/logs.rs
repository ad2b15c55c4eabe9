//! `attuned plugin logs`.

use crate::cli::session::Session;
use crate::cli::table::fit;
use crate::cli::{Common, Failure, Printer};
use crate::document::PluginLogDocument;

/// A line of a log on a terminal; the daemon keeps at most 512 bytes of one.
const COLUMNS_MAX: usize = 512;

pub fn run(id: &str, common: &Common, printer: &mut Printer) -> Result<(), Failure> {
    // What no id consists of is the daemon's to refuse, but must not become another path.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte)) || id.is_empty() {
        return Err(Failure::Usage(format!("plugin `{id}` is no id, expected 1 to 128 of [A-Za-z0-9._:@-]")));
    }
    let log: PluginLogDocument = Session::open(common)?.get(&format!("/v1/plugins/{id}/log"))?;
    if printer.is_json() {
        return log.lines.iter().try_for_each(|line| printer.object(line));
    }
    if log.lines.is_empty() {
        return printer.text(format_args!("{id} has said nothing since it was loaded"));
    }
    log.lines.iter().try_for_each(|line| {
        printer.text(format_args!("{} {:5} {}", line.at, line.level, fit(&line.text, COLUMNS_MAX)))
    })
}
