//! `GET /`: where to go, for whoever opens the address in a browser.

use axum::extract::State;

use crate::admin::Context;

const ENDPOINTS: &str = "\
/livez                               the process runs
/readyz                              clients may come
/healthz                             the same in detail, JSON
/metrics                             OpenMetrics; ?per_object=true for every topic and group
/api/v1/cluster                      GET
/api/v1/topics                       GET, POST
/api/v1/topics/{name}                GET, DELETE
/api/v1/topics/{name}/config         PATCH
/api/v1/topics/{name}/partitions     POST
/api/v1/groups                       GET
/api/v1/groups/{id}                  GET, DELETE
";

/// Names the endpoints.
pub(crate) async fn get(State(context): State<Context>) -> String {
    format!("Forebay {}\n\n{ENDPOINTS}", context.node.build.version)
}
