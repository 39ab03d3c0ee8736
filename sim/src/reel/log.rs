//! The newest entries of a server's log, and how far each has come.
//!
//! Of a running server they are in its memory; of one that is down they are read from its disk.
//! Not here: what is committed, which the invariants' shadow of the disks knows.

use zablab_core::storage::txnlog::{Next, Scan};
use zablab_core::types::{ServerId, Zxid};
use zablab_core::wire::txn;

use super::TILES_MAX;
use super::frame::{Tile, TileState};
use super::message::{txn_path, txn_word};
use crate::disk::Disk;
use crate::node::Node;
use crate::world::World;

/// What a tile of a snapshot says that it does.
const SNAPSHOT_OP: &str = "snapshot";

/// The tiles of a server that is up, and how many entries come before them.
pub(super) fn of_running(
    world: &World,
    sid: ServerId,
    node: &Node,
    last_durable: Zxid,
) -> (Vec<Tile>, u64) {
    let Some(process) = node.process() else { return (Vec::new(), 0) };
    let history = process.history();
    let (applied, pending) = (history.applied(), history.pending());
    let known = process.committed().unwrap_or_default();
    let skipped = (applied.len() + pending.len()).saturating_sub(TILES_MAX);
    let all = applied.iter().map(|record| (record, true));
    let all = all.chain(pending.iter().map(|record| (record, false)));
    let tile = |(record, is_applied): (&zablab_core::txn::LogRecord, bool)| {
        let zxid = record.zxid();
        let state = if is_applied {
            TileState::Applied
        } else if zxid > last_durable {
            TileState::Memory
        } else if zxid <= known {
            TileState::Committed
        } else {
            on_disk(world, sid, zxid)
        };
        Tile { zxid, op: txn_word(&record.txn), path: txn_path(&record.txn), state }
    };
    let tiles = all.skip(skipped).map(tile).collect();
    with_base(world, sid, node.disk(), tiles)
}

/// The tiles of a server that is down, as its disk has them; how far each has come is set by
/// [`of_stopped`], which costs less.
pub(super) fn read_disk(disk: &Disk) -> Vec<Tile> {
    let mut logs: Vec<(Zxid, &zablab_core::storage::FileId)> =
        disk.files().filter_map(|file| Some((file.log_start()?, file))).collect();
    logs.sort();
    let mut tiles: Vec<Tile> = Vec::new();
    for (_, file) in logs {
        let scan = disk.read(file).and_then(|bytes| Scan::open(bytes).ok().flatten());
        let Some(mut scan) = scan else { continue };
        loop {
            match scan.next_record() {
                Ok(Next::Record(record)) => {
                    let txn = txn::decode(record.txn).ok();
                    tiles.push(Tile {
                        zxid: record.zxid,
                        op: txn.as_ref().map_or_else(String::new, |txn| txn_word(&txn.txn)),
                        path: txn.and_then(|txn| txn_path(&txn.txn)),
                        state: TileState::Disk,
                    });
                }
                Ok(Next::Torn(_)) => {
                    // Its zxid may be lost; only the record after the last one can stand here.
                    let last = tiles.last().map_or(Zxid::ZERO, |tile| tile.zxid);
                    let zxid = Zxid(last.0 + 1);
                    let state = TileState::Torn;
                    tiles.push(Tile { zxid, op: String::new(), path: None, state });
                    break;
                }
                Ok(Next::End) | Err(_) => break,
            }
        }
    }
    let skipped = tiles.len().saturating_sub(TILES_MAX);
    tiles.split_off(skipped)
}

/// The tiles of a server that is down, brought up to date, and how many entries come before them.
pub(super) fn of_stopped(
    world: &World,
    sid: ServerId,
    node: &Node,
    read: &[Tile],
) -> (Vec<Tile>, u64) {
    let mut tiles = read.to_vec();
    for tile in tiles.iter_mut().filter(|tile| tile.state == TileState::Disk) {
        tile.state = on_disk(world, sid, tile.zxid);
    }
    with_base(world, sid, node.disk(), tiles)
}

fn on_disk(world: &World, sid: ServerId, zxid: Zxid) -> TileState {
    match world.checker().is_committed(sid, zxid) {
        true => TileState::Acked,
        false => TileState::Disk,
    }
}

/// Puts the snapshot before the first entry, if the log begins there, and counts what is older.
fn with_base(world: &World, sid: ServerId, disk: &Disk, mut tiles: Vec<Tile>) -> (Vec<Tile>, u64) {
    let first = tiles.first().map(|tile| tile.zxid);
    if tiles.len() < TILES_MAX {
        let ends = disk.files().filter_map(|file| file.snapshot_end());
        let before = ends.filter(|end| first.is_none_or(|first| *end < first));
        if let Some(zxid) = before.max().filter(|zxid| *zxid > Zxid::ZERO) {
            let (op, state) = (SNAPSHOT_OP.to_owned(), TileState::Snapshot);
            tiles.insert(0, Tile { zxid, op, path: None, state });
            return (tiles, 0);
        }
    }
    let earlier = first.map_or(0, |first| world.checker().before(sid, first));
    (tiles, earlier as u64)
}
