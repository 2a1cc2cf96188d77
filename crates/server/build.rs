//! Builds this crate again when the web page that goes into it has changed.

fn main() {
    println!("cargo::rerun-if-changed=../../ui/packed");
}
