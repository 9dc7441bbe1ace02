//! Logs: lines on standard error, as text for people or JSON for collectors.

use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;

use crate::cli::terminal;
use crate::config::log_filter::LogFilter;
use crate::config::setting::LogFormat;

/// Starts logging for the whole process.
///
/// # Panics
/// If it was started before.
pub(crate) fn start(filter: &LogFilter, format: LogFormat) {
    let filter = EnvFilter::builder().parse_lossy(filter.directives());
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(terminal::colours())
        // It would report a failed write to standard error on standard error, and panic there.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init(),
    }
    log_panics();
}

/// A panic is a log line like any other, so that a collector of JSON sees it as well.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(location, %backtrace, "panic: {message}");
    }));
}
