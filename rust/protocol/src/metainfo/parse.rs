//! From bencode to [`Metainfo`].

use super::{Metainfo, MetainfoError};

pub(super) fn parse(_bytes: &[u8]) -> Result<Metainfo, MetainfoError> {
    Err(MetainfoError::Missing("info"))
}
