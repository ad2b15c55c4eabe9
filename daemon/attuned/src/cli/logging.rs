//! The log: to standard error, and in the form that the journal wants when that is the reader.

use std::fmt;
use std::io::{self, IsTerminal};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, SubscriberBuilder};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::Failure;

/// Logs to standard error from now on what `filter` lets through, e.g. `info,attuned::mqtt=debug`;
/// RUST_LOG, if set, goes over it.
///
/// # Errors
///
/// [`Failure::Input`] if the filter cannot be read, [`Failure::Fault`] if a log was started before.
pub fn start(filter: &str) -> Result<(), Failure> {
    let from_environment = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = with_quiet_libraries(from_environment.as_deref().unwrap_or(filter));
    let filter = EnvFilter::builder().parse(&filter).map_err(|error| {
        Failure::Input(format!(
            "log filter `{filter}` cannot be read ({error}), expected one such as `info` or `warn,attuned=debug`"
        ))
    })?;
    let log = SubscriberBuilder::default().with_env_filter(filter).with_writer(io::stderr);
    // The journal sets this variable for what it reads (systemd.exec(5)).
    let started = if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.with_ansi(false).event_format(JournalFormat).try_init()
    } else {
        log.with_ansi(io::stderr().is_terminal()).with_target(false).try_init()
    };
    started.map_err(|error| Failure::Fault(format!("the log cannot be started: {error}")))
}

/// The embedded broker logs each connection, and as an error each one that ends; the sound decoder
/// warns of every oddity that it reads past. What matters of them the daemon says itself. Whoever
/// names them in the filter has them as they want them.
fn with_quiet_libraries(filter: &str) -> String {
    let quiet = ["rumqttd", "symphonia"].into_iter().filter(|library| !filter.contains(library));
    quiet.fold(filter.to_owned(), |filter, library| format!("{filter},{library}=off"))
}

/// `<level>target: message fields`, one line an event: the journal has its own clock and reads the
/// level from the prefix (sd-daemon(3)).
struct JournalFormat;

impl<S, N> FormatEvent<S, N> for JournalFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        write!(writer, "<{}>{}: ", priority(*metadata.level()), metadata.target())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The syslog priority (RFC 5424, section 6.2.1) that a level stands for.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_broker_is_heard_only_if_asked_for() {
        assert_eq!(with_quiet_libraries("info"), "info,rumqttd=off,symphonia=off");
        assert_eq!(with_quiet_libraries("info,rumqttd=debug"), "info,rumqttd=debug,symphonia=off");
    }
}
