//! Paths inside a torrent: relative, safe to join to a folder on any system, and UTF-8.
//!
//! A [`TorrentPath`] that exists has no empty, `.` or `..` component, no separator, NUL or drive letter in one, no
//! component over 255 bytes and at most [`MAX_COMPONENTS`] of them. Two paths that differ only in case, and names that
//! Windows reserves (`CON`, `NUL`), are fine here: whether they clash is known only where a file is made.

use std::cmp::Ordering;
use std::fmt;

/// Deepest accepted path, its file name included.
pub const MAX_COMPONENTS: usize = 128;

/// Longest accepted component in bytes: what file systems take.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// A file's path in its torrent, components joined by `/`.
///
/// Paths are ordered component by component, as a v2 file tree is: all that is in a folder stands together, right
/// where the folder's own name would stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TorrentPath(Box<str>);

/// Why a name or a path from a torrent is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There are no components.
    #[error("a path is empty")]
    Empty,
    /// A component is empty, `.` or `..`.
    #[error("{0:?} is not allowed in a path")]
    Dots(String),
    /// A component has a separator, NUL or drive letter in it.
    #[error("{0:?} is not a plain file name")]
    Unsafe(String),
    /// A component is longer than file systems take.
    #[error("a file name of {0} bytes is over the limit of {MAX_COMPONENT_BYTES}")]
    TooLong(usize),
    /// There are too many components.
    #[error("a path of {0} components is over the limit of {MAX_COMPONENTS}")]
    TooDeep(usize),
}

impl TorrentPath {
    /// Joins components, each of which must be safe.
    pub fn new<S: AsRef<str>>(components: &[S]) -> Result<Self, PathError> {
        if components.is_empty() {
            return Err(PathError::Empty);
        }
        if components.len() > MAX_COMPONENTS {
            return Err(PathError::TooDeep(components.len()));
        }
        let mut joined = String::new();
        for component in components {
            check_component(component.as_ref())?;
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(component.as_ref());
        }
        Ok(Self(joined.into_boxed_str()))
    }

    /// Splits at `/`; each component must be safe.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let components: Vec<&str> = path.split('/').collect();
        Self::new(&components)
    }

    /// The path, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components in order.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether the other path is the same, or lies in a folder of this name.
    pub fn holds(&self, other: &Self) -> bool {
        let rest = other.0.strip_prefix(self.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.components().next_back().unwrap_or_default()
    }
}

impl Ord for TorrentPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // No name has NUL in it: with the separator in its place, bytes compare as components do.
        let key = |byte| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(key).cmp(other.0.bytes().map(key))
    }
}

impl PartialOrd for TorrentPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TorrentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsRef<str> for TorrentPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Whether a name may be one component of a path. See the module's text for the rule.
pub fn check_component(name: &str) -> Result<(), PathError> {
    if matches!(name, "" | "." | "..") {
        return Err(PathError::Dots(name.to_owned()));
    }
    if name.len() > MAX_COMPONENT_BYTES {
        return Err(PathError::TooLong(name.len()));
    }
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    // A backslash is an ordinary letter on Unix (systemd units have it) and a separator on Windows: what must not be
    // there is a way up or a root.
    let climbs =
        name.contains('\\') && (name.starts_with('\\') || name.split('\\').any(|p| p == ".."));
    if drive || climbs || name.contains(['/', '\0']) {
        return Err(PathError::Unsafe(name.to_owned()));
    }
    Ok(())
}

/// Bytes as text: valid UTF-8 as it stands, and every byte that is not as `%XX`, so that names stay distinct.
pub fn decode_name(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_names_are_refused() {
        for name in [
            "", ".", "..", "a/b", "a\0", "C:", "c:x", "\\x", "..\\x", "a\\..\\b",
        ] {
            assert!(TorrentPath::new(&["dir", name]).is_err(), "{name:?}");
        }
        assert!(TorrentPath::new::<&str>(&[]).is_err());
        assert_eq!(
            check_component(&"x".repeat(256)),
            Err(PathError::TooLong(256))
        );
        assert_eq!(TorrentPath::new(&["x"; 129]), Err(PathError::TooDeep(129)));
        assert!(TorrentPath::parse("/etc/passwd").is_err());
        assert!(TorrentPath::parse("a//b").is_err());
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "a",
            "...",
            "..a",
            "a\\b",
            "ä ö",
            "ab:c",
            "con",
            &"x".repeat(255),
        ] {
            assert_eq!(TorrentPath::new(&["dir", name]).unwrap().file_name(), name);
        }
    }

    #[test]
    fn folders_stand_where_their_names_do() {
        let mut paths = ["sub0", "sub.x", "sub/b/c", "sub-x", "sub/b-c", "a", "sub/a"]
            .map(|path| TorrentPath::parse(path).unwrap());
        paths.sort();
        let sorted = paths.each_ref().map(TorrentPath::as_str);
        assert_eq!(
            sorted,
            ["a", "sub/a", "sub/b/c", "sub/b-c", "sub-x", "sub.x", "sub0"]
        );
        let [folder, file] = ["sub", "sub/a"].map(|path| TorrentPath::parse(path).unwrap());
        assert!(folder.holds(&file) && folder.holds(&folder) && !file.holds(&folder));
    }

    #[test]
    fn bytes_that_are_not_text_stay_distinct() {
        assert_eq!(decode_name("é".as_bytes()), "é");
        assert_eq!(decode_name(b"\xe9t\xe8"), "%E9t%E8");
        assert_ne!(decode_name(b"\xe9"), decode_name(b"\xe8"));
    }
}
