#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mlferry_fuzz::graphql::check(data));
