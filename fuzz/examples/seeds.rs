//! Writes the seeds of a target as files, which libFuzzer begins with: `cargo run --example seeds -- TARGET FOLDER`.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, folder] = arguments.as_slice() else {
        return Err(io::Error::other("name a target and a folder"));
    };
    fs::create_dir_all(folder)?;
    for (index, seed) in mlferry_fuzz::seeds(target)?.iter().enumerate() {
        fs::write(Path::new(folder).join(format!("seed-{index}")), seed)?;
    }
    Ok(())
}
