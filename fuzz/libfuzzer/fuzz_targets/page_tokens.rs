#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mlferry_fuzz::page_tokens::check(data));
