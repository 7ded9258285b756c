//! Makes the gRPC service of the SDK from its proto files, without a `protoc` on the machine.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["sdk.proto", "beta.proto"], ["proto"])?;
    tonic_prost_build::configure().build_client(true).compile_fds(files)?;
    Ok(())
}
