//! One server in the foreground.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::storage::FilesConfig;

use super::{Failure, ServeArgs, config_file};
use crate::admin::Counters;
use crate::admin::four_letter::VERSION;
use crate::driver::{Driver, Ended};
use crate::inbox::{Event, Inbox, inbox};
use crate::net::Acceptor;
use crate::storage::{self, DataLock, Disk, LogThread};

/// Of `dataDir`: a new ensemble begins here, with `db.autocreate=false` too.
const INITIALIZE: &str = "initialize";
/// The system's randomness.
const RANDOMNESS: &str = "/dev/urandom";
/// Threads that wait for sockets; the work itself is the core thread's.
const SOCKET_THREADS: usize = 2;

/// Runs until a signal comes, or the server cannot go on.
///
/// # Errors
/// One line for the user.
pub fn serve(args: &ServeArgs) -> Result<(), Failure> {
    abort_on_panic();
    let mut config = config_file::load(&args.config)?;
    info!("zablab {VERSION} with {}", args.config.display());
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let acceptor = config.tls.as_ref().map(Acceptor::load).transpose();
    let acceptor = acceptor.map_err(|error| config_file::refused(&args.config, error))?;
    let (data_dir, log_dir) = (Path::new(&config.data_dir), Path::new(&config.data_log_dir));
    let disk = Disk::new(data_dir, log_dir).map_err(Failure::data)?;
    let mut disk = disk.with_config(PathBuf::from(&config.core.file));
    let _locks = lock_both(data_dir, log_dir)?;
    if take_initialize(data_dir)? {
        info!("{INITIALIZE} was there: without any history this server votes all the same");
        config.core.autocreate = true;
    }

    config_file::back_up(&config)?;
    let counters = Arc::new(Counters::new());
    let files_config = FilesConfig { preallocate: config.log_preallocate };
    let began = Instant::now();
    let recovery = storage::open(&mut disk, files_config).map_err(Failure::data)?;
    counters.db_init.add(began.elapsed());
    let mut endpoint = Endpoint::new(config.core.clone(), recovery.recovered, random(), Correct);
    endpoint.set_nonce_key(secret()?);

    let (inbox, events) = inbox();
    let files = recovery.files;
    let log = LogThread::start(disk, files, files_config, inbox.clone(), Arc::clone(&counters));
    let runtime = runtime()?;
    stop_on_signal(&runtime, inbox.clone())?;
    if args.exit_with_parent {
        stop_with_parent(inbox.clone());
    }
    let handle = runtime.handle().clone();
    let config = (Arc::new(config), acceptor);
    let driver = Driver::new(endpoint, config, counters, handle, (inbox, events), log);
    let core_thread = thread::Builder::new().name("core".into()).spawn(move || driver.run());
    let ended = core_thread.map_err(Failure::general)?.join();
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Stopped) => {
            info!("stopped");
            Ok(())
        }
        Ok(Ended::Failed(why)) => Err(Failure::general(why)),
        Err(_) => unreachable!("a panic has aborted the process"),
    }
}

/// Removes the file that lets a server without any history vote once; whether it was there.
fn take_initialize(data_dir: &Path) -> Result<bool, Failure> {
    match fs::remove_file(data_dir.join(INITIALIZE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::data(format!("cannot remove {INITIALIZE}: {error}"))),
    }
}

/// A panic anywhere ends the process at once: what a half-run core would do next nobody knows,
/// and the disk holds all that was promised. (A release build aborts without this.)
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}

fn lock_both(data_dir: &Path, log_dir: &Path) -> Result<Vec<DataLock>, Failure> {
    let mut locks = vec![DataLock::take(data_dir).map_err(Failure::data)?];
    if log_dir != data_dir {
        locks.push(DataLock::take(log_dir).map_err(Failure::data)?);
    }
    Ok(locks)
}

fn runtime() -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(SOCKET_THREADS).thread_name("socket").enable_all();
    builder.build().map_err(Failure::general)
}

fn stop_on_signal(runtime: &Runtime, inbox: Inbox) -> Result<(), Failure> {
    let _entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::general)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::general)?;
    // A server in the background outlives its terminal: asking for the signal is what ignores it.
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::general)?;
    runtime.spawn(async move { while hangup.recv().await.is_some() {} });
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        inbox.tell(Event::Stop);
    });
    Ok(())
}

/// The parent holds the other end of standard input and writes nothing.
fn stop_with_parent(inbox: Inbox) {
    thread::spawn(move || {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
        inbox.tell(Event::Stop);
    });
}

/// Bytes that nobody can guess.
fn secret() -> Result<[u8; 32], Failure> {
    let mut secret = [0; 32];
    let read = fs::File::open(RANDOMNESS).and_then(|mut file| file.read_exact(&mut secret));
    read.map_err(|error| Failure::general(format!("{RANDOMNESS}: {error}")))?;
    Ok(secret)
}

/// A number that no other start has: the system's randomness, by the one door that std has.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
