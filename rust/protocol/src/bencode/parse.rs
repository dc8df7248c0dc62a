//! The parser: one loop over the bytes that fills a flat table of tokens, and views over that table.
//!
//! Each token knows where its bytes lie and which token follows it on its own level, so skipping a value costs nothing
//! and looking up a key costs one step for each key before it.

use std::ops::Range;

use super::BencodeError;

/// How much foreign habit is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only what BEP 3 allows: sorted and distinct keys, canonical numbers, nothing after the value.
    Strict,
    /// Also keys in any order, leading zeros, `-0`, and bytes after the value. Of equal keys the first counts, in
    /// [`Dict::get`]; iteration shows all of them.
    Lenient,
}

/// What a document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of input. Never more than `u32::MAX`.
    pub max_bytes: usize,
    /// Levels of lists and dictionaries.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 512 MiB and 256 levels: room for a million-piece torrent many times over, and for the deepest path accepted.
    fn default() -> Self {
        Self {
            max_bytes: 512 << 20,
            max_depth: 256,
        }
    }
}

/// A parsed value with everything in it.
#[derive(Debug, Clone)]
pub struct Document<'d> {
    data: &'d [u8],
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    start: u32,
    end: u32,
    /// The token after this value and all that is in it.
    next: u32,
}

impl<'d> Document<'d> {
    /// Parses one value.
    pub fn parse(data: &'d [u8], mode: Mode, limits: Limits) -> Result<Self, BencodeError> {
        let (document, used) = Self::parse_prefix(data, mode, limits)?;
        if mode == Mode::Strict && used < data.len() {
            return Err(BencodeError::Trailing(used));
        }
        Ok(document)
    }

    /// Parses the value that the bytes start with, and says how many bytes it has.
    pub fn parse_prefix(
        data: &'d [u8],
        mode: Mode,
        limits: Limits,
    ) -> Result<(Self, usize), BencodeError> {
        let limit = limits.max_bytes.min(u32::MAX as usize);
        if data.len() > limit {
            return Err(BencodeError::TooLarge {
                size: data.len(),
                limit,
            });
        }
        let mut parser = Parser {
            data,
            mode,
            limits,
            at: 0,
            tokens: Vec::new(),
            open: Vec::new(),
        };
        parser.run()?;
        let used = parser.at;
        Ok((
            Self {
                data,
                tokens: parser.tokens,
            },
            used,
        ))
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value {
            data: self.data,
            tokens: &self.tokens,
            at: 0,
        }
    }
}

/// A value in a document.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    data: &'a [u8],
    tokens: &'a [Token],
    at: u32,
}

impl<'a> Value<'a> {
    /// Where its bytes lie in the input.
    pub fn span(&self) -> Range<usize> {
        self.token()
            .map_or(0..0, |token| token.start as usize..token.end as usize)
    }

    /// Its bytes as they stand in the input.
    pub fn raw(&self) -> &'a [u8] {
        self.data.get(self.span()).unwrap_or_default()
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        let digits = self.raw().strip_prefix(b"i")?.strip_suffix(b"e")?;
        parse_int(digits)
    }

    /// The string's content, if it is one.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        self.data.get(self.content()?)
    }

    /// Where the string's content lies in the input, if it is one.
    pub fn content(&self) -> Option<Range<usize>> {
        let raw = self.raw();
        raw.first().filter(|byte| byte.is_ascii_digit())?;
        let colon = raw.iter().position(|&byte| byte == b':')?;
        let span = self.span();
        Some(span.start + colon + 1..span.end)
    }

    /// The string as UTF-8, if it is both.
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<List<'a>> {
        (self.raw().first() == Some(&b'l')).then_some(List(*self))
    }

    /// The dictionary, if it is one.
    pub fn as_dict(&self) -> Option<Dict<'a>> {
        (self.raw().first() == Some(&b'd')).then_some(Dict(*self))
    }

    fn token(&self) -> Option<&'a Token> {
        self.tokens.get(self.at as usize)
    }

    fn next(&self) -> u32 {
        self.token().map_or(u32::MAX, |token| token.next)
    }

    fn children(&self) -> Children<'a> {
        Children {
            value: Value {
                at: self.at + 1,
                ..*self
            },
            end: self.next(),
        }
    }
}

/// The values of a container, keys among them.
#[derive(Debug, Clone)]
struct Children<'a> {
    value: Value<'a>,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.value.at >= self.end {
            return None;
        }
        let value = self.value;
        self.value.at = value.next();
        Some(value)
    }
}

/// A list in a document.
#[derive(Debug, Clone, Copy)]
pub struct List<'a>(Value<'a>);

impl<'a> List<'a> {
    /// Its values in order.
    pub fn iter(self) -> ListIter<'a> {
        ListIter(self.0.children())
    }
}

impl<'a> IntoIterator for List<'a> {
    type Item = Value<'a>;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

/// The values of a list, in order.
#[derive(Debug, Clone)]
pub struct ListIter<'a>(Children<'a>);

impl<'a> Iterator for ListIter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.next()
    }
}

/// A dictionary in a document.
#[derive(Debug, Clone, Copy)]
pub struct Dict<'a>(Value<'a>);

impl<'a> Dict<'a> {
    /// The value of a key; of equal keys the first.
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        self.iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Keys and values, in the order of the bytes.
    pub fn iter(self) -> DictIter<'a> {
        DictIter(self.0.children())
    }

    /// The dictionary as a value.
    pub fn value(&self) -> Value<'a> {
        self.0
    }
}

impl<'a> IntoIterator for Dict<'a> {
    type Item = (&'a [u8], Value<'a>);
    type IntoIter = DictIter<'a>;

    fn into_iter(self) -> DictIter<'a> {
        self.iter()
    }
}

/// The entries of a dictionary, in the order of the bytes.
#[derive(Debug, Clone)]
pub struct DictIter<'a>(Children<'a>);

impl<'a> Iterator for DictIter<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?.as_bytes()?;
        Some((key, self.0.next()?))
    }
}

struct Parser<'d> {
    data: &'d [u8],
    mode: Mode,
    limits: Limits,
    at: usize,
    tokens: Vec<Token>,
    open: Vec<Open>,
}

/// A container that has not ended yet.
struct Open {
    token: usize,
    dict: bool,
    /// The next value in it is a key.
    wants_key: bool,
    last_key: Option<Range<usize>>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), BencodeError> {
        loop {
            let byte = self.peek()?;
            if self.open.last().is_some_and(|open| open.wants_key)
                && !byte.is_ascii_digit()
                && byte != b'e'
            {
                return Err(BencodeError::Key(self.at));
            }
            match byte {
                b'd' | b'l' => self.open(byte == b'd')?,
                b'e' if !self.open.is_empty() => self.close()?,
                b'i' => self.integer()?,
                b'0'..=b'9' => self.string()?,
                byte => return Err(BencodeError::Unexpected { at: self.at, byte }),
            }
            if self.open.is_empty() {
                return Ok(());
            }
        }
    }

    fn peek(&self) -> Result<u8, BencodeError> {
        self.data
            .get(self.at)
            .copied()
            .ok_or(BencodeError::Truncated(self.at))
    }

    fn open(&mut self, dict: bool) -> Result<(), BencodeError> {
        let limit = self.limits.max_depth;
        if self.open.len() >= limit {
            return Err(BencodeError::TooDeep { at: self.at, limit });
        }
        let token = self.tokens.len();
        self.tokens.push(Token {
            start: self.at as u32,
            end: 0,
            next: 0,
        });
        self.open.push(Open {
            token,
            dict,
            wants_key: dict,
            last_key: None,
        });
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), BencodeError> {
        let next = self.tokens.len() as u32;
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        if open.dict && !open.wants_key {
            return Err(BencodeError::OddDict(self.at));
        }
        self.at += 1;
        if let Some(token) = self.tokens.get_mut(open.token) {
            token.end = self.at as u32;
            token.next = next;
        }
        self.value_done();
        Ok(())
    }

    fn integer(&mut self) -> Result<(), BencodeError> {
        let start = self.at;
        let rest = self.data.get(start + 1..).unwrap_or_default();
        // 20 digits and a sign hold every 64-bit number; leading zeros beyond that are nobody's habit.
        let window = &rest[..rest.len().min(24)];
        let Some(length) = window.iter().position(|&byte| byte == b'e') else {
            let short = rest.len() < 24 && rest.iter().all(|b| b.is_ascii_digit() || *b == b'-');
            let error = if short {
                BencodeError::Truncated
            } else {
                BencodeError::Integer
            };
            return Err(error(if short { self.data.len() } else { start }));
        };
        let digits = &window[..length];
        let number = parse_int(digits).ok_or(BencodeError::Integer(start))?;
        if self.mode == Mode::Strict && number.to_string().as_bytes() != digits {
            return Err(BencodeError::Integer(start));
        }
        self.leaf(start, start + 1 + length + 1);
        self.value_done();
        Ok(())
    }

    fn string(&mut self) -> Result<(), BencodeError> {
        let start = self.at;
        let rest = self.data.get(start..).unwrap_or_default();
        let digits = rest
            .iter()
            .take(12)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match rest.get(digits) {
            Some(b':') => {}
            None => return Err(BencodeError::Truncated(self.data.len())),
            Some(_) => return Err(BencodeError::Length(start)),
        }
        if self.mode == Mode::Strict && digits > 1 && rest.first() == Some(&b'0') {
            return Err(BencodeError::Length(start));
        }
        let length = parse_int(&rest[..digits]).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(BencodeError::Length(start))?;
        let content = start + digits + 1;
        if length > self.data.len() - content {
            return Err(BencodeError::Truncated(self.data.len()));
        }
        self.leaf(start, content + length);
        self.string_done(content..content + length)
    }

    fn leaf(&mut self, start: usize, end: usize) {
        let next = self.tokens.len() as u32 + 1;
        self.tokens.push(Token {
            start: start as u32,
            end: end as u32,
            next,
        });
        self.at = end;
    }

    fn string_done(&mut self, content: Range<usize>) -> Result<(), BencodeError> {
        let Some(open) = self.open.last_mut().filter(|open| open.wants_key) else {
            self.value_done();
            return Ok(());
        };
        if self.mode == Mode::Strict
            && let Some(last) = &open.last_key
            && self.data[last.clone()] >= self.data[content.clone()]
        {
            return Err(BencodeError::Order(content.start));
        }
        open.last_key = Some(content);
        open.wants_key = false;
        Ok(())
    }

    /// A value ended: in a dictionary a key comes next.
    fn value_done(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.wants_key = open.dict;
        }
    }
}

/// Decimal digits with an optional minus, as BEP 3 allows and with leading zeros.
fn parse_int(digits: &[u8]) -> Option<i64> {
    let first = digits.strip_prefix(b"-").unwrap_or(digits).first()?;
    if !first.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Item;
    use super::*;

    fn strict(data: &[u8]) -> Result<Document<'_>, BencodeError> {
        Document::parse(data, Mode::Strict, Limits::default())
    }

    fn lenient(data: &[u8]) -> Result<Document<'_>, BencodeError> {
        Document::parse(data, Mode::Lenient, Limits::default())
    }

    #[test]
    fn values_are_views_with_their_raw_bytes() {
        let data = b"d1:ai-7e1:bl1:x3:yyyd0:i0eee1:cd1:zleee";
        let document = strict(data).unwrap();
        let root = document.root().as_dict().unwrap();
        assert_eq!(root.get(b"a").unwrap().as_int(), Some(-7));
        let list: Vec<_> = root.get(b"b").unwrap().as_list().unwrap().iter().collect();
        assert_eq!(list[1].as_bytes(), Some(&b"yyy"[..]));
        assert_eq!(
            list[2].as_dict().unwrap().get(b"").unwrap().as_int(),
            Some(0)
        );
        assert_eq!(root.get(b"c").unwrap().raw(), b"d1:zlee");
        assert_eq!(&data[root.get(b"c").unwrap().span()], b"d1:zlee");
        assert_eq!(root.iter().count(), 3);
        assert!(root.get(b"d").is_none());
        assert!(root.get(b"a").unwrap().as_bytes().is_none());
    }

    #[test]
    fn malformed_bytes_are_typed_errors() {
        use BencodeError as E;
        let cases: &[(&[u8], BencodeError)] = &[
            (b"", E::Truncated(0)),
            (b"i12", E::Truncated(3)),
            (b"ie", E::Integer(0)),
            (b"i-e", E::Integer(0)),
            (b"i+1e", E::Integer(0)),
            (b"i9223372036854775808e", E::Integer(0)),
            (b"i1x", E::Integer(0)),
            (b"4:abc", E::Truncated(5)),
            (b"99999999999:a", E::Truncated(13)),
            (b"99999999999999999999:a", E::Length(0)),
            (b"1", E::Truncated(1)),
            (b"1x", E::Length(0)),
            (b"x", E::Unexpected { at: 0, byte: b'x' }),
            (b"e", E::Unexpected { at: 0, byte: b'e' }),
            (b"di1ei2ee", E::Key(1)),
            (b"d1:ae", E::OddDict(4)),
            (b"l", E::Truncated(1)),
        ];
        for (data, error) in cases {
            assert_eq!(strict(data).unwrap_err(), *error, "{}", data.escape_ascii());
            assert_eq!(
                lenient(data).unwrap_err(),
                *error,
                "{}",
                data.escape_ascii()
            );
        }
    }

    #[test]
    fn foreign_habits_are_taken_only_leniently() {
        let habits: [&[u8]; 7] = [
            b"i007e",
            b"i-0e",
            b"02:ab",
            b"d1:bi1e1:ai2ee",
            b"d1:ai1e1:ai2ee",
            b"i1ex",
            b"i1e\n",
        ];
        for data in habits {
            assert!(strict(data).is_err(), "{}", data.escape_ascii());
            assert!(lenient(data).is_ok(), "{}", data.escape_ascii());
        }
        let twice = lenient(b"d1:ai1e1:ai2ee").unwrap();
        assert_eq!(
            twice.root().as_dict().unwrap().get(b"a").unwrap().as_int(),
            Some(1)
        );
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let bomb = b"l".repeat(1_000_000);
        assert!(matches!(
            lenient(&bomb),
            Err(BencodeError::TooDeep {
                at: 256,
                limit: 256
            })
        ));
        let limits = Limits {
            max_bytes: 3,
            max_depth: 1,
        };
        let error = Document::parse(b"2:ab", Mode::Strict, limits).unwrap_err();
        assert_eq!(error, BencodeError::TooLarge { size: 4, limit: 3 });
    }

    #[test]
    fn a_prefix_ends_where_its_value_ends() {
        let (document, used) =
            Document::parse_prefix(b"d1:ai1eepayload", Mode::Strict, Limits::default()).unwrap();
        assert_eq!(used, 8);
        assert_eq!(document.root().raw(), b"d1:ai1ee");
    }

    fn item() -> impl Strategy<Value = Item> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Item::Int),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Item::Bytes),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let key = prop::collection::vec(any::<u8>(), 0..4);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Item::List),
                prop::collection::btree_map(key, inner, 0..6).prop_map(Item::Dict),
            ]
        })
    }

    fn read(value: Value<'_>) -> Item {
        if let Some(number) = value.as_int() {
            Item::Int(number)
        } else if let Some(bytes) = value.as_bytes() {
            Item::Bytes(bytes.to_vec())
        } else if let Some(list) = value.as_list() {
            Item::List(list.iter().map(read).collect())
        } else {
            let entries = value.as_dict().unwrap().into_iter();
            Item::Dict(
                entries
                    .map(|(key, value)| (key.to_vec(), read(value)))
                    .collect(),
            )
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(item in item()) {
            let bytes = item.to_bytes();
            prop_assert_eq!(read(strict(&bytes).unwrap().root()), item);
        }

        #[test]
        fn mutated_bytes_never_panic(item in item(), at in any::<usize>(), byte in any::<u8>()) {
            let mut bytes = item.to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            for cut in [bytes.len(), at] {
                if let Ok(document) = lenient(&bytes[..cut]) {
                    read(document.root());
                }
                let _ = strict(&bytes[..cut]);
            }
        }
    }
}
