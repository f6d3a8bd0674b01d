//! The `revere` program.

fn main() {}
