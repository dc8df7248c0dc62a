//! Behaviour of whole swarms.
