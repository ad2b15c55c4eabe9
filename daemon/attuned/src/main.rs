//! The program `attuned`.

fn main() {}
