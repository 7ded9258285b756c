//! Has the crate built anew when what it embeds changes.

fn main() {
    let dashboard = "../../web/dist";
    // A folder that is not there would have cargo build the crate every time.
    if std::fs::create_dir_all(dashboard).is_ok() {
        println!("cargo::rerun-if-changed={dashboard}");
    }
    println!("cargo::rerun-if-changed=../../docs");
}
