//! The `revere` program; everything is in the library.

fn main() -> std::process::ExitCode {
    revere::cli::main()
}
