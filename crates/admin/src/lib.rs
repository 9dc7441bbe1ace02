//! HTTP: management API, metrics, health.
