//! What a reader sees: the blocks, and which of the head's samples are not in them.
//!
//! A reader keeps one view from its first look to its last. A cut publishes its blocks together with
//! the view that passes over what it wrote; the head forgets that only when no older view is in use.
//! So each sample is seen once, whenever a cut happens.

use std::sync::Arc;

use crate::block::Block;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// By window, then by age: of two samples of one time the first one stands.
    pub blocks: Vec<Arc<Block>>,
    /// What the head has sealed for cuts up to this one is in the blocks.
    pub cut: u32,
}
