//! The v1 file list (BEP 3, BEP 47).
