//! The `forebay` binary: command line, configuration, sockets and wiring; nothing else.

fn main() {}
