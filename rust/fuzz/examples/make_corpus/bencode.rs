//! Bencode by hand.

use crate::Made;

pub fn files() -> Vec<Made> {
    let nested = |open: u8, depth: usize| [vec![open; depth], vec![b'e'; depth]].concat();
    vec![
        (
            "good-values",
            b"d0:le1:ai-42e1:bl3:abci0ee4:dictd3:keyi9223372036854775807eee".to_vec(),
        ),
        ("good-least", b"i-9223372036854775808e".to_vec()),
        ("good-empty-string", b"0:".to_vec()),
        ("good-binary", b"4:\0\xff\x80:".to_vec()),
        ("good-deep", nested(b'l', 200)),
        ("bad-list-bomb", vec![b'l'; 10_000]),
        ("bad-dict-bomb", b"d1:a".repeat(3000)),
        ("bad-closed-bomb", nested(b'l', 5000)),
        ("bad-giant-string", b"99999999999999999999999:x".to_vec()),
        ("bad-string-past-end", b"d4:name4294967295:xe".to_vec()),
        ("bad-wrapping-length", b"18446744073709551615:x".to_vec()),
        ("bad-int-over", b"i9223372036854775808e".to_vec()),
        ("bad-int-under", b"i-9223372036854775809e".to_vec()),
        ("bad-int-empty", b"ie".to_vec()),
        ("bad-int-minus", b"i-e".to_vec()),
        ("bad-int-plus", b"i+1e".to_vec()),
        ("bad-int-space", b"i 1e".to_vec()),
        ("bad-int-zeros", b"i007e".to_vec()),
        ("bad-int-minus-zero", b"i-0e".to_vec()),
        ("bad-length-zeros", b"003:abc".to_vec()),
        ("bad-unsorted", b"d1:bi1e1:ai2ee".to_vec()),
        ("bad-twice", b"d1:ai1e1:ai2ee".to_vec()),
        ("bad-key", b"di1ei2ee".to_vec()),
        ("bad-odd", b"d1:ae".to_vec()),
        ("bad-trailing", b"i1ei2e".to_vec()),
        ("bad-empty", Vec::new()),
        ("bad-end", b"e".to_vec()),
    ]
}
