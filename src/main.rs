//! Parses arguments, picks a face, gives an exit code. Nothing else lives here.

fn main() {}
