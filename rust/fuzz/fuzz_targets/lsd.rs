#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = p2pcore_fuzz::lsd(data);
});
