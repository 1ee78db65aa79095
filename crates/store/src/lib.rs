//! Samples on disk: log, head, blocks, index, retention.
