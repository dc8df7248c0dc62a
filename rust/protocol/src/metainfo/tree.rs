//! The v2 file tree (BEP 52).
