//! Symbolic links inside a shared folder: where they lead, as a path of the torrent (BEP 47).

use std::path::{Component, Path};

use p2pcore_protocol::TorrentPath;

/// Where a link in the folder `below` (components under the torrent's root) leads by its text; `None`: out of the
/// torrent, or to the root itself.
pub(crate) fn leads_to(below: &[&str], text: &Path) -> Option<TorrentPath> {
    let mut path = below.to_vec();
    for component in text.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop()?;
            }
            Component::Normal(name) => path.push(name.to_str()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    TorrentPath::new(&path).ok()
}

/// Whether what stands at `place` is a link that means what the torrent says.
pub(crate) fn is_link(place: &Path, path: &TorrentPath, target: &TorrentPath) -> bool {
    let mut below: Vec<&str> = path.components().collect();
    below.pop();
    let text = std::fs::read_link(place);
    text.is_ok_and(|text| leads_to(&below, &text).as_ref() == Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_their_text() {
        let to = |below: &[&str], text: &str| {
            leads_to(below, Path::new(text)).map(|path| path.as_str().to_owned())
        };
        assert_eq!(to(&[], "a").as_deref(), Some("a"));
        assert_eq!(to(&["b", "c"], "../a/./d").as_deref(), Some("b/a/d"));
        assert_eq!(to(&["b"], "../a").as_deref(), Some("a"));
        assert_eq!(to(&["b"], "../../a"), None);
        assert_eq!(to(&["b"], ".."), None);
        assert_eq!(to(&["b"], "/a"), None);
    }
}
