//! The state machines of this room beside models of them that are too simple to be wrong: what the property tests and the
//! fuzz targets feed with sequences of operations. A model panics where the machine breaks its word. Not in ordinary
//! builds.

pub mod peer;
pub mod picking;
pub mod uploading;
