//! `envi`: where the server runs, in the lines of a Java server. What only a Java machine has is
//! `<NA>`, as Java says of what it does not know.

use std::env;
use std::fmt::{self, Write};
use std::fs;

use super::{BUILT, VERSION};

const UNKNOWN: &str = "<NA>";

pub fn write(text: &mut String) -> fmt::Result {
    writeln!(text, "Environment:")?;
    writeln!(text, "zookeeper.version={VERSION}, built on {BUILT}")?;
    writeln!(text, "host.name={}", file("/proc/sys/kernel/hostname"))?;
    for of_java in ["version", "vendor", "home", "class.path", "library.path"] {
        writeln!(text, "java.{of_java}={UNKNOWN}")?;
    }
    writeln!(text, "java.io.tmpdir={}", env::temp_dir().display())?;
    writeln!(text, "java.compiler={UNKNOWN}")?;
    writeln!(text, "os.name={}", file("/proc/sys/kernel/ostype"))?;
    writeln!(text, "os.arch={}", architecture())?;
    writeln!(text, "os.version={}", file("/proc/sys/kernel/osrelease"))?;
    writeln!(text, "user.name={}", variable("USER"))?;
    writeln!(text, "user.home={}", variable("HOME"))?;
    let folder = env::current_dir().map(|folder| folder.display().to_string());
    writeln!(text, "user.dir={}", folder.unwrap_or_else(|_| UNKNOWN.into()))?;
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    writeln!(text, "os.memory.free={}", megabytes(&memory, "MemAvailable:"))?;
    writeln!(text, "os.memory.max={}", megabytes(&memory, "MemTotal:"))?;
    writeln!(text, "os.memory.total={}", megabytes(&memory, "MemTotal:"))
}

/// As Java calls it.
fn architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    }
}

fn file(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| UNKNOWN.into(), |text| text.trim().to_owned())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| UNKNOWN.into())
}

/// A line of `/proc/meminfo`, which counts in KiB.
fn megabytes(memory: &str, key: &str) -> String {
    let line = memory.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or_else(|| UNKNOWN.into(), |kib| format!("{}MB", kib / 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_megabytes() {
        let memory = "MemTotal:       24589012 kB\nMemAvailable:   23000000 kB\n";
        assert_eq!(megabytes(memory, "MemTotal:"), "24012MB");
        assert_eq!(megabytes(memory, "MemAvailable:"), "22460MB");
        assert_eq!(megabytes("", "MemTotal:"), "<NA>");
    }

    #[test]
    fn the_lines_are_those_of_java() {
        let mut text = String::new();
        write(&mut text).expect("a String takes any text");
        let keys: Vec<&str> =
            text.lines().skip(1).filter_map(|line| Some(line.split_once('=')?.0)).collect();
        let expected = "zookeeper.version host.name java.version java.vendor java.home \
            java.class.path java.library.path java.io.tmpdir java.compiler os.name os.arch \
            os.version user.name user.home user.dir os.memory.free os.memory.max os.memory.total";
        assert_eq!(keys, expected.split(' ').collect::<Vec<&str>>());
        assert!(text.starts_with("Environment:\nzookeeper.version=3.9."));
    }
}
