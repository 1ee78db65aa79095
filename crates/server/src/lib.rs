//! Receives, stores, answers PromQL, serves the web UI.
