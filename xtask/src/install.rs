//! What the tests need besides Rust: installed if this process may, else named in one line.
//!
//! Nothing is installed outside `target/` and `www/node_modules` except Debian's packages and
//! rustup's components.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Result, cargo, root, run, succeeds};
use crate::{page, wasm};

/// The client library of the process tests, pinned.
const KAZOO: [&str; 2] = ["kazoo==2.11.0", "pure-sasl==0.6.2"];

/// Installs what is missing for `cargo xtask test`.
pub fn install() -> Result {
    rust_components()?;
    java()?;
    other_clients()?;
    tokio_client()?;
    kazoo()?;
    browser()?;
    page::tools()?;
    page::packages()
}

/// Installs Debian packages as root, or says in one line which ones are missing.
pub fn apt(packages: &[&str], needed_for: &str) -> Result {
    let list = packages.join(" ");
    let wanted = format!(
        "{needed_for} is missing; install it with: \
         apt-get install -y --no-install-recommends {list}"
    );
    if !is_root() || !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(wanted);
    }
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install =
        || run(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages));
    // A machine that was just set up has no package lists yet; others need no update.
    if install().is_err() {
        run(apt_get().args(["update", "-qq"])).map_err(|error| format!("{wanted} ({error})"))?;
        install().map_err(|error| format!("{wanted} ({error})"))?;
    }
    Ok(())
}

fn rust_components() -> Result {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !succeeds(cargo().args([command, "--version"])) {
            let mut add = Command::new("rustup");
            run(add.args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// Java with ZooKeeper's client and zkCli.sh, as Debian has them.
fn java() -> Result {
    let java = succeeds(Command::new("java").arg("-version"));
    let jars = std::env::var_os("ZK_JARS").is_some()
        || Path::new("/usr/share/java/zookeeper.jar").exists();
    let zk_cli = Path::new("/usr/share/zookeeper/bin/zkCli.sh").exists();
    if java && jars && zk_cli {
        return Ok(());
    }
    apt(&["default-jre-headless", "zookeeper"], "Java with ZooKeeper's client")
}

/// Apache Curator with a Java compiler, and the client library in C with its command line.
fn other_clients() -> Result {
    let files =
        ["/usr/bin/javac", "/usr/share/java/curator-recipes.jar", "/usr/lib/zookeeper/bin/cli_mt"];
    if files.iter().all(|file| Path::new(file).exists()) {
        return Ok(());
    }
    let packages = ["default-jdk-headless", "libcurator-recipes-java", "zookeeper-bin"];
    apt(&packages, "Curator or the client in C")
}

/// A client in Rust, which is not in the workspace.
fn tokio_client() -> Result {
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--target-dir", "target/tokio_client"]);
    run(build.args(["--manifest-path", "tests/process/tokio_client/Cargo.toml"]))
}

/// A Python of our own under `target/`, with the client library that the tests drive.
fn kazoo() -> Result {
    let venv = root().join("target").join("venv");
    if succeeds(python(&venv).args(["-c", "import kazoo, puresasl"])) {
        return Ok(());
    }
    if !make_venv(&venv) {
        apt(&["python3-venv"], "Python with venv")?;
        if !make_venv(&venv) {
            return Err("python3 -m venv does not work".to_owned());
        }
    }
    run(python(&venv).args(["-m", "pip", "install", "--quiet"]).args(KAZOO))
}

/// Chromium, what drives it for the tests inside the module, and letters for Chinese.
fn browser() -> Result {
    let font = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
    if [page::CHROMIUM, wasm::CHROMEDRIVER, font].iter().all(|file| Path::new(file).exists()) {
        return Ok(());
    }
    apt(&["chromium", "chromium-driver", "fonts-noto-cjk"], "Chromium with a Chinese font")
}

fn make_venv(venv: &Path) -> bool {
    succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))
        && succeeds(python(venv).args(["-m", "pip", "--version"]))
}

fn python(venv: &Path) -> Command {
    let path: PathBuf = venv.join("bin").join("python");
    Command::new(path)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
