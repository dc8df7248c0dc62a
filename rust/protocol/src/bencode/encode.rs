//! The encoder: an owned value whose dictionaries are sorted by their type, so that its bytes are always canonical.

use std::collections::BTreeMap;

/// A value to encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Item>),
    /// A dictionary; sorted, as BEP 3 asks.
    Dict(BTreeMap<Vec<u8>, Item>),
    /// Bytes that are bencode already and are copied as they stand. The caller vouches for them.
    Raw(Vec<u8>),
}

impl Item {
    /// A dictionary of these entries; the last of equal keys stays.
    pub fn dict<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Item)>) -> Self {
        Self::Dict(
            entries
                .into_iter()
                .map(|(key, item)| (key.as_ref().to_vec(), item))
                .collect(),
        )
    }

    /// A list of these values.
    pub fn list(items: impl IntoIterator<Item = Item>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Appends the canonical bytes. Recursive: values are our own, and only as deep as our code nests them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => {
                out.push(b'i');
                out.extend_from_slice(number.to_string().as_bytes());
                out.push(b'e');
            }
            Self::Bytes(bytes) => encode_bytes(bytes, out),
            Self::List(items) => {
                out.push(b'l');
                for item in items {
                    item.encode(out);
                }
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, item) in entries {
                    encode_bytes(key, out);
                    item.encode(out);
                }
                out.push(b'e');
            }
            Self::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }
}

impl From<i64> for Item {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Item {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<&str> for Item {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Item {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(bytes.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_out_sorted() {
        let item = Item::dict([
            ("b", Item::from(1_i64)),
            ("", Item::list([Item::from("x"), Item::Raw(b"le".to_vec())])),
        ]);
        assert_eq!(item.to_bytes(), b"d0:l1:xlee1:bi1ee");
    }
}
