//! Durable log on disk: segments, named cursors, recovery.
