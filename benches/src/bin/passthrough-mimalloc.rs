//! A bare Pingora with the allocator that Sidgate has.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), sidgate_benches::Fault> {
    sidgate_benches::passthrough::serve(std::env::args().skip(1))
}
