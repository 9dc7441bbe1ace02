//! `GET /livez`: the process runs. Whatever else is wrong, killing it would only add a restart, so
//! this asks nobody.

/// Says that the process runs.
pub(crate) async fn get() -> &'static str {
    "ok\n"
}
