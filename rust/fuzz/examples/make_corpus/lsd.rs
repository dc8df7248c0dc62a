//! Announcements by hand.

use crate::Made;

const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

pub fn files() -> Vec<Made> {
    let said = |lines: &str| format!("BT-SEARCH * HTTP/1.1\r\n{lines}\r\n\r\n").into_bytes();
    let host = "Host: 239.192.152.143:6771\r\n";
    vec![
        (
            "good-libtorrent",
            said(&format!(
                "{host}Port: 6881\r\nInfohash: {HASH}\r\ncookie: 3f2a\r\n"
            )),
        ),
        (
            "good-answer",
            said(&format!(
                "{host}Port: 6881\r\nInfohash: {HASH}\r\ncookie: 3f2a\r\np2-answer: 1\r\n"
            )),
        ),
        (
            "good-no-cookie",
            said(&format!("{host}Port: 1\r\nInfohash: {HASH}\r\n")),
        ),
        (
            "good-many",
            said(&format!(
                "port: 65535\r\n{}",
                format!("Infohash: {HASH}\r\n").repeat(24)
            )),
        ),
        (
            "good-unknown",
            said(&format!(
                "X-New: a:b\r\nno header\r\nINFOHASH:{HASH}\nPort:7\n"
            )),
        ),
        ("bad-empty", Vec::new()),
        ("bad-search", b"M-SEARCH * HTTP/1.1\r\n\r\n".to_vec()),
        (
            "bad-port",
            said(&format!("Port: 65536\r\nInfohash: {HASH}\r\n")),
        ),
        (
            "bad-hash",
            said(&format!("Port: 1\r\nInfohash: {}\r\n", &HASH[1..])),
        ),
        ("bad-no-hash", said("Port: 1\r\n")),
        (
            "bad-cookie",
            said(&format!(
                "Port: 1\r\nInfohash: {HASH}\r\ncookie: {}\r\n",
                "c".repeat(300)
            )),
        ),
        (
            "bad-long",
            said(&format!(
                "Port: 1\r\n{}",
                format!("Infohash: {HASH}\r\n").repeat(30)
            )),
        ),
        ("bad-not-text", b"BT-SEARCH * HTTP/1.1\r\n\xff\xfe".to_vec()),
    ]
}
