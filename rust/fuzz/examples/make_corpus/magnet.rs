//! Magnet links by hand.

use crate::Made;

const V1: &str = "xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
const BASE32: &str = "xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";
const V2: &str = "xt=urn:btmh:12200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub fn files() -> Vec<Made> {
    let link = |query: &str| format!("magnet:?{query}").into_bytes();
    vec![
        ("good-v1", link(V1)),
        ("good-base32", link(BASE32)),
        ("good-v2", link(V2)),
        (
            "good-hybrid",
            link(&format!("{V1}&{V2}&dn=a+name%20%C3%A4&xl=123456")),
        ),
        (
            "good-all",
            link(&format!(
                "{V1}&dn=x&xl=1&tr=http%3A%2F%2Fa.example%2Fann%3Fk%3D1&tr=udp://b.example:1\
                 &ws=https://c.example/f&x.pe=127.0.0.1:6881&x.pe=[::1]:6881&x.pe=host.example:1\
                 &so=0,2,4-6"
            )),
        ),
        ("good-unknown", link(&format!("zz=1&&=&a&{V1}&x.zz=%zz"))),
        ("bad-empty", Vec::new()),
        ("bad-scheme", b"http://example/?xt=urn:btih:00".to_vec()),
        ("bad-no-hash", link("dn=x")),
        ("bad-short-hash", link("xt=urn:btih:0123456789abcdef")),
        (
            "bad-hex",
            link("xt=urn:btih:0123456789abcdef0123456789abcdef0123456g"),
        ),
        ("bad-multihash", link("xt=urn:btmh:1114deadbeef")),
        ("bad-not-text", b"magnet:?xt=urn:btih:\xff\xfe".to_vec()),
        (
            "any-broken-escapes",
            link(&format!("{V1}&dn=%&tr=%f&ws=%gg&dn=%ff%fe")),
        ),
        (
            "any-selection-bomb",
            link(&format!("{V1}&so=0-4294967295,5-1,99999999999,-,--")),
        ),
        (
            "any-two-hashes",
            link(&format!("{V1}&xt=urn:btih:{}", "f".repeat(40))),
        ),
        ("any-many", link(&format!("{V1}{}", "&tr=a".repeat(500)))),
        (
            "any-peers",
            link(&format!(
                "{V1}&x.pe=1.2.3.4&x.pe=:1&x.pe=[::1]&x.pe=a:99999&x.pe="
            )),
        ),
    ]
}
