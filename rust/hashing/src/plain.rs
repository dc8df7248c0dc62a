//! Processors without kernels: every stream by itself, with the crates' code.

use crate::backend::Backend;
use crate::lanes::Kernels;

/// None.
pub(crate) fn kernels(_: Backend) -> &'static [Kernels] {
    &[]
}

/// Nothing more than the portable backend, which needs nothing.
pub(crate) fn has(_: Backend) -> bool {
    false
}
