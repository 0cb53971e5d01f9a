//! A bare Pingora with the allocator of the system.

fn main() -> Result<(), sidgate_benches::Fault> {
    sidgate_benches::passthrough::serve(std::env::args().skip(1))
}
