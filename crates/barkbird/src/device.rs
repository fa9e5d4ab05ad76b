//! Which device computes: chosen here alone and passed down.

use anyhow::{Context, Result, bail};
use pipeline::{Device, process};

/// The device that `name` asks for: `auto`, `cpu`, `cuda`, `cuda:N` or `metal`.
///
/// A device that was named and is not there is an error; only `auto` falls back to the CPU.
pub(crate) fn open(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(accelerator().unwrap_or(Device::Cpu)),
        "metal" => {
            if !cfg!(feature = "metal") {
                bail!(
                    "--device metal: this program was built without Metal; build it with `--features metal` on macOS"
                );
            }
            Device::new_metal(0).context("--device metal: no Metal device could be opened")
        }
        other => {
            let index = match other.strip_prefix("cuda") {
                Some("") => 0,
                Some(rest) => rest
                    .strip_prefix(':')
                    .and_then(|n| n.parse().ok())
                    .with_context(|| format!("--device {other}: expected auto, cpu, cuda, cuda:N or metal"))?,
                None => bail!("--device {other}: expected auto, cpu, cuda, cuda:N or metal"),
            };
            if !cfg!(feature = "cuda") {
                bail!("--device {other}: this program was built without CUDA; build it with `--features cuda`");
            }
            cuda(index).with_context(|| format!("--device {other}: no such CUDA device could be opened"))
        }
    }
}

/// The devices that `name` lists, each for a process of its own where there are several: `cuda:0,1` are `cuda:0` and `cuda:1`.
pub(crate) fn list(name: &str) -> Result<Vec<String>> {
    let kind = |device: &str| device.split(':').next().unwrap_or_default().to_owned();
    let first = kind(name.split(',').next().unwrap_or_default());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let device = |part: &str| if is_number(part) { format!("{first}:{part}") } else { part.to_owned() };
    let all: Vec<String> = name.split(',').map(device).collect();
    if all.len() > 1 && (!["cpu", "cuda"].contains(&first.as_str()) || all.iter().any(|device| kind(device) != first)) {
        bail!("--device {name}: expected several devices of one kind, such as cuda:0,1 or cpu,cpu");
    }
    Ok(all)
}

fn cuda(index: usize) -> Result<Device> {
    let device = Device::new_cuda(index)?;
    process::settle_device(&device)?;
    Ok(device)
}

fn accelerator() -> Option<Device> {
    if cfg!(feature = "cuda") {
        return cuda(0).ok();
    }
    if cfg!(feature = "metal") {
        return Device::new_metal(0).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_devices_are_of_one_kind() {
        let of = |name: &str| list(name).map(|all| all.join(" "));
        assert_eq!(of("auto").unwrap(), "auto");
        assert_eq!(of("cuda:0,1,3").unwrap(), "cuda:0 cuda:1 cuda:3");
        assert_eq!(of("cuda:0,cuda:2").unwrap(), "cuda:0 cuda:2");
        assert_eq!(of("cpu,cpu").unwrap(), "cpu cpu");
        for name in ["cpu,cuda:0", "auto,auto", "cuda:0,", "metal,metal"] {
            assert!(of(name).unwrap_err().to_string().contains("of one kind"), "{name}");
        }
    }

    #[test]
    fn a_named_device_that_is_not_there_is_an_error() {
        assert!(open("cpu").unwrap().is_cpu());
        for name in ["gpu", "cuda:x", "cudaX", ""] {
            assert!(open(name).unwrap_err().to_string().contains("expected auto, cpu"), "{name}");
        }
        if !cfg!(feature = "cuda") {
            assert!(open("cuda").unwrap_err().to_string().contains("built without CUDA"));
        }
    }
}
