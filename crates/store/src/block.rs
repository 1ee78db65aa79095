//! Blocks: samples of a window on disk.

use std::sync::Arc;

use model::labels::Labels;
use model::series::{Samples, SourceError};

use crate::matching;
use crate::pairs::Pairs;

/// One block.
#[derive(Debug)]
pub(crate) struct Block {
    pub first: i64,
    pub last: i64,
}

#[derive(Debug)]
pub(crate) struct BlockIndex {
    pairs: Pairs,
}

impl Block {
    pub(crate) fn index(&self) -> Result<Arc<BlockIndex>, SourceError> {
        Err(SourceError("no blocks yet".to_owned()))
    }

    pub(crate) fn read(
        &self,
        _index: &BlockIndex,
        _series: u32,
        _range: (i64, i64),
        _into: &mut Samples,
    ) -> Result<(), SourceError> {
        Ok(())
    }
}

impl BlockIndex {
    pub(crate) fn hash(&self, _series: u32) -> u128 {
        0
    }

    pub(crate) fn labels(&self, _series: u32) -> Labels {
        Labels::default()
    }
}

impl matching::Index for BlockIndex {
    fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    fn with(&self, _pair: u32) -> &[u32] {
        &[]
    }

    fn pairs_of(&self, _series: u32) -> &[u32] {
        &[]
    }

    fn all(&self) -> Vec<u32> {
        Vec::new()
    }
}
