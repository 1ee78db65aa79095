//! Full disks, caps, locks, sizes and versions.
