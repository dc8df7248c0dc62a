//! Bencode: what strict mode takes is canonical, so it must come out of the encoder byte for byte.

use p2pcore_protocol::bencode::{Document, Item, Limits, Mode, Value};

/// Feeds both modes of the parser; accepted means accepted by strict mode.
pub fn bencode(data: &[u8]) -> bool {
    let limits = Limits::default();
    let strict = Document::parse(data, Mode::Strict, limits);
    let lenient = Document::parse_prefix(data, Mode::Lenient, limits);
    if let Ok((document, used)) = &lenient {
        assert!(*used <= data.len() && document.root().span() == (0..*used));
        let bytes = item(document.root()).to_bytes();
        let again = Document::parse(&bytes, Mode::Strict, limits);
        let again = again.expect("what the encoder writes is canonical");
        assert_eq!(item(again.root()).to_bytes(), bytes);
    }
    if let Ok(document) = &strict {
        assert!(
            lenient.is_ok(),
            "lenient mode refuses what strict mode takes"
        );
        assert_eq!(item(document.root()).to_bytes(), data);
    }
    strict.is_ok()
}

/// The value as the encoder takes it. Recursive: the parser's limit on depth bounds it.
fn item(value: Value<'_>) -> Item {
    let inside = |part: &Value<'_>| {
        let (outer, inner) = (value.span(), part.span());
        assert!(
            outer.start < inner.start && inner.end < outer.end,
            "a value leaves its container"
        );
    };
    if let Some(list) = value.as_list() {
        return Item::list(list.iter().inspect(inside).map(item));
    }
    if let Some(dict) = value.as_dict() {
        let mut entries: Vec<_> = dict.iter().collect();
        for (key, part) in &entries {
            inside(part);
            assert!(dict.get(key).is_some());
        }
        // Of equal keys the first counts, and the encoder keeps the last.
        entries.reverse();
        return Item::dict(entries.into_iter().map(|(key, part)| (key, item(part))));
    }
    match (value.as_int(), value.as_bytes()) {
        (Some(number), None) => Item::from(number),
        (None, Some(bytes)) => Item::from(bytes),
        other => panic!("a value is no list or dictionary, but {other:?}"),
    }
}
