//! What the control plane runs on, for the record of a drill.

use std::fs;

use lifeboat_core::drill::Machine;

/// This machine, as far as the system tells.
pub(super) fn describe() -> Machine {
    let system = rustix::system::uname();
    Machine {
        processor: field("/proc/cpuinfo", "model name")
            .unwrap_or_else(|| system.machine().to_string_lossy().into_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mib: field("/proc/meminfo", "MemTotal").map_or(0, |text| mib(&text)),
        kernel: format!(
            "{} {}",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy()
        ),
    }
}

/// What a file of lines `name : value` says.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

/// `16318480 kB` in MiB.
fn mib(text: &str) -> u64 {
    let kib = text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_cores_memory_and_a_kernel() {
        assert_eq!(mib("16318480 kB"), 15_936);
        let machine = describe();
        assert!(machine.cores > 0 && machine.memory_mib > 0, "{machine:?}");
        assert!(machine.kernel.starts_with("Linux "), "{machine:?}");
    }
}
