//! Keeps the environment of the machine out of the tests: hf-hub's HTTP client would send requests to 127.0.0.1 to the
//! proxy that it names.

use std::process::Command;

const PROXIES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Whether `test` can run here. If not, it has run in a process of its own that has no proxy, and has passed.
pub(crate) fn is_clean_or_rerun<T>(_test: &T) -> bool {
    if PROXIES.iter().all(|name| std::env::var_os(name).is_none()) {
        return true;
    }
    let closure = std::any::type_name::<T>(); // crate::module::test::{{closure}}
    let test = closure.split_once("::").and_then(|(_, test)| test.strip_suffix("::{{closure}}"));
    rerun(test.unwrap(), &[]);
    false
}

/// Runs a test again, in a process with these variables and no proxy.
pub(crate) fn rerun(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    PROXIES.iter().for_each(|name| {
        command.env_remove(name);
    });
    let output = command.args(["--exact", test, "--nocapture"]).envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
