//! Compiles the kernels of `cuda/`: with `nvcc` for the feature `cuda`, with the C++ compiler of this machine for
//! `cuda-emulated`.

fn main() {
    println!("cargo:rerun-if-changed=cuda");
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    nvcc();
    #[cfg(feature = "cuda-emulated")]
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .define("EMULATED", None)
        .file("cuda/emulation.cpp")
        .compile("emulated_kernels");
}

#[cfg(feature = "cuda")]
fn nvcc() {
    use cudaforge::KernelBuilder;

    let folder = std::env::var("OUT_DIR").unwrap_or_else(|e| panic!("OUT_DIR: {e}"));
    let shared: Vec<_> = ["common.cuh", "both.cuh"].into_iter().map(|name| format!("cuda/{name}")).collect();
    let bodies = std::fs::read_dir("cuda").unwrap_or_else(|e| panic!("cuda: {e}")).filter_map(|entry| {
        let path = entry.ok()?.path();
        path.extension().is_some_and(|end| end == "cuh").then(|| path.to_string_lossy().into_owned())
    });
    let watched: Vec<String> = shared.into_iter().chain(bodies).collect();
    KernelBuilder::new()
        .source_glob("cuda/*.cu")
        .watch(watched)
        .arg("-std=c++17")
        .arg("-O3")
        .build_ptx()
        .and_then(|modules| modules.write(format!("{folder}/ptx.rs")))
        .unwrap_or_else(|e| panic!("kernels for CUDA: {e}"));
}
