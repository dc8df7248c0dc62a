//! What a storage promises, on real files.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use p2pcore_protocol::create::{CreateOptions, FileEntry, Plan};
use p2pcore_protocol::{
    Attributes, BlockSpan, FileIndex, Format, Metainfo, PieceIndex, TorrentPath,
};
use tempfile::TempDir;

use super::handles::{HANDLES, MOST_OPEN};
use super::{Existing, Storage, check_on_disk};
use crate::aligned::PageBuffer;
use crate::api::Target;
use crate::error::StorageError;

mod changes;
mod foreign;
mod resuming;
mod wanting;

/// A torrent, its bytes, and a folder to put them into.
struct World {
    meta: Arc<Metainfo>,
    contents: Vec<Vec<u8>>,
    dir: TempDir,
}

impl World {
    fn new(format: Format, files: &[(&str, usize)]) -> Self {
        let entries = files
            .iter()
            .map(|(path, length)| entry(path, *length, None));
        Self::of(format, "torrent", false, entries.collect())
    }

    fn single(format: Format, length: usize) -> Self {
        Self::of(
            format,
            "one.bin",
            true,
            vec![entry("one.bin", length, None)],
        )
    }

    fn of(format: Format, name: &str, single: bool, entries: Vec<FileEntry>) -> Self {
        let options = CreateOptions {
            piece_length: Some(PIECE),
            ..CreateOptions::new(format)
        };
        let plan = Plan::new(name, single, entries, options).unwrap();
        let content = |(number, file): (usize, &FileEntry)| noise(number, file.length as usize);
        let contents: Vec<_> = plan.files().iter().enumerate().map(content).collect();
        let meta = plan.build(plan.hash_contents(&contents)).unwrap();
        Self {
            meta: Arc::new(meta),
            contents,
            dir: TempDir::new().unwrap(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("into")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn path(&self, file: u32) -> PathBuf {
        self.folder()
            .join(self.meta.disk_path(FileIndex::new(file)))
    }

    fn download(&self, overwrite: bool) -> Target {
        Target::Download {
            into: self.folder(),
            preallocate: false,
            overwrite,
        }
    }

    fn all(&self) -> Vec<bool> {
        vec![true; self.contents.len()]
    }

    /// Opens the download with a state folder.
    fn open(&self, wanted: &[bool]) -> (Storage, Existing) {
        self.try_open(&self.download(false), wanted).unwrap()
    }

    fn try_open(
        &self,
        target: &Target,
        wanted: &[bool],
    ) -> Result<(Storage, Existing), StorageError> {
        Storage::open(Arc::clone(&self.meta), target, wanted, Some(&self.state()))
    }

    /// Puts the finished torrent at its place in this folder.
    fn lay_out(&self, folder: &Path) {
        for (number, content) in self.contents.iter().enumerate() {
            let path = folder.join(self.meta.disk_path(FileIndex::new(number as u32)));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// A piece's data as a peer sends it.
    fn data(&self, piece: PieceIndex) -> Vec<u8> {
        let layout = self.meta.layout();
        let mut data = Vec::new();
        for slice in layout.slices(layout.data_span(piece)) {
            let length = slice.length as usize;
            match slice.file {
                Some(file) => {
                    let start = slice.offset as usize;
                    data.extend(&self.contents[file.as_usize()][start..start + length]);
                }
                None => data.resize(data.len() + length, 0),
            }
        }
        data
    }

    fn write(&self, storage: &Storage, piece: PieceIndex) -> Result<(), StorageError> {
        let data = self.data(piece);
        let blocks: Vec<&[u8]> = data.chunks(5_000).collect();
        storage.write_pieces(&[piece], &blocks)?;
        storage.mark_good(piece);
        Ok(())
    }

    fn write_all(&self, storage: &Storage) {
        for piece in self.meta.layout().pieces() {
            self.write(storage, piece).unwrap();
        }
    }

    fn check(&self, storage: &Storage, piece: PieceIndex) -> bool {
        let mut scratch = PageBuffer::default();
        let checked = check_on_disk(storage, &self.meta, &[piece], &mut scratch).unwrap();
        checked[0].is_ok()
    }

    fn check_all(&self, storage: &Storage, existing: &Existing) {
        for piece in existing.to_check.iter().copied() {
            assert!(self.check(storage, piece), "piece {piece}");
            storage.mark_good(piece);
        }
    }

    /// Every file is there, byte for byte.
    fn assert_whole(&self) {
        for (number, content) in self.contents.iter().enumerate() {
            let path = self.path(number as u32);
            assert!(fs::read(&path).unwrap() == *content, "{}", path.display());
        }
    }

    fn pieces(&self) -> Vec<PieceIndex> {
        let layout = self.meta.layout();
        layout
            .pieces()
            .filter(|piece| layout.data_size(*piece) > 0)
            .collect()
    }
}

fn entry(path: &str, length: usize, attributes: Option<Attributes>) -> FileEntry {
    FileEntry {
        path: TorrentPath::parse(path).unwrap(),
        length: length as u64,
        attributes: attributes.unwrap_or_default(),
    }
}

fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(next).collect()
}

/// Changes the time of the last change, and nothing else.
fn touch(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(time).unwrap();
}

/// Gives a file other bytes and another time of change; its inode stays.
fn write_in_place(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    touch(path);
}

fn piece(raw: u32) -> PieceIndex {
    PieceIndex::new(raw)
}

fn span(piece: u32, begin: u32, length: u32) -> BlockSpan {
    let piece = PieceIndex::new(piece);
    BlockSpan {
        piece,
        begin,
        length,
    }
}

const PIECE: u32 = 32_768;

const FORMATS: [Format; 3] = [Format::V1, Format::V2, Format::Hybrid];

const FILES: [(&str, usize); 6] = [
    ("a", 10),
    ("b/c", 70_000),
    ("b/d", 0),
    ("b/e/f", 32_768),
    ("b/e/g", 1),
    ("h", 100_001),
];

#[test]
fn what_is_written_is_read_again() {
    for format in FORMATS {
        let world = World::new(format, &FILES);
        let (storage, existing) = world.open(&world.all());
        assert_eq!(existing, Existing::default());
        world.write_all(&storage);
        for piece in world.pieces() {
            assert!(world.check(&storage, piece));
        }
        storage.close().unwrap();
        world.assert_whole();
    }
}

#[test]
fn pieces_in_a_row_are_written_as_one() {
    for format in FORMATS {
        let world = World::new(format, &FILES);
        let layout = world.meta.layout();
        let (storage, _) = world.open(&world.all());
        let mut run = Vec::new();
        for piece in world.pieces() {
            run.push(piece);
            let is_full = layout.data_size(piece) == layout.piece_length();
            if is_full && run.len() < 3 && piece.get() + 1 < layout.piece_count() {
                continue;
            }
            let data: Vec<u8> = run.iter().flat_map(|piece| world.data(*piece)).collect();
            let blocks: Vec<&[u8]> = data.chunks(5_000).collect();
            storage.write_pieces(&run, &blocks).unwrap();
            run.drain(..).for_each(|piece| storage.mark_good(piece));
        }
        storage.close().unwrap();
        world.assert_whole();
    }
}

#[test]
fn a_single_file_has_no_folder_of_its_own() {
    for format in FORMATS {
        let world = World::single(format, 100_000);
        let (storage, _) = world.open(&[true]);
        world.write_all(&storage);
        storage.close().unwrap();
        assert!(fs::read(world.folder().join("one.bin")).unwrap() == world.contents[0]);
    }
}

#[test]
fn padding_reads_as_zeros_and_is_not_stored() {
    let world = World::new(Format::Hybrid, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    // Piece 0 holds the 10 bytes of `a`, then padding.
    let mut out = vec![7; 100];
    storage.read(span(0, 5, 100), &mut out).unwrap();
    assert_eq!(out[..5], world.contents[0][5..]);
    assert_eq!(out[5..], [0; 95]);
    out.fill(7);
    storage
        .read_now(span(0, 5, 100), &mut out)
        .unwrap()
        .unwrap();
    assert_eq!(out[5..], [0; 95]);
    assert_eq!(
        fs::read_dir(world.folder().join("torrent"))
            .unwrap()
            .count(),
        3
    );
}

#[test]
fn a_read_at_once_needs_an_open_file() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    world.write_all(&storage);
    storage.close().unwrap();
    let mut out = vec![0; 16_384];
    assert_eq!(storage.read_now(span(1, 0, 16_384), &mut out), None);
    storage.read(span(1, 0, 16_384), &mut out).unwrap();
    let start = PIECE as usize;
    assert!(out[..] == world.contents[0][start..start + 16_384]);
}

#[test]
fn a_read_at_once_never_looks_at_the_path() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    world.write_all(&storage);
    let mut out = vec![0; 16_384];
    HANDLES.forget_looks(storage.id);
    assert_eq!(storage.read_now(span(1, 0, 16_384), &mut out), None);
    storage.read(span(1, 0, 16_384), &mut out).unwrap();
    fs::remove_file(world.folder().join("one.bin")).unwrap();
    HANDLES.forget_looks(storage.id);
    assert_eq!(storage.read_now(span(1, 0, 16_384), &mut out), None);
    storage.read(span(1, 0, 16_384), &mut out).unwrap_err();
}

#[test]
fn files_are_created_at_their_first_write_and_empty_ones_at_once() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    assert!(!world.path(0).exists());
    assert!(world.path(2).exists());
    world.write(&storage, piece(0)).unwrap();
    assert_eq!(fs::metadata(world.path(1)).unwrap().len(), 70_000);
    assert!(!world.path(5).exists());
}

#[test]
fn links_and_programs_are_made() {
    use std::os::unix::fs::PermissionsExt;
    let link = Attributes {
        symlink: Some(TorrentPath::parse("run").unwrap()),
        ..Attributes::default()
    };
    let program = Attributes {
        executable: true,
        ..Attributes::default()
    };
    let entries = vec![
        entry("bin/link", 0, Some(link)),
        entry("run", 1000, Some(program)),
    ];
    let world = World::of(Format::V1, "torrent", false, entries);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    assert!(fs::metadata(world.path(1)).unwrap().permissions().mode() & 0o100 != 0);
    assert!(fs::read(world.path(0)).unwrap() == world.contents[1]);
    drop(storage);
    let (storage, existing) = world.open(&world.all());
    assert_eq!(existing.trusted.len(), 1);
    storage.remove(true).unwrap();
    assert!(!world.folder().exists());
}

#[test]
fn preallocated_files_have_their_blocks() {
    use std::os::unix::fs::MetadataExt;
    let world = World::single(Format::V1, 1 << 20);
    let target = Target::Download {
        into: world.folder(),
        preallocate: true,
        overwrite: false,
    };
    let (storage, _) = world.try_open(&target, &[true]).unwrap();
    world.write(&storage, piece(3)).unwrap();
    let metadata = fs::metadata(world.path(0)).unwrap();
    assert_eq!(metadata.len(), 1 << 20);
    assert!(metadata.blocks() * 512 >= 1 << 20);
}

#[test]
fn a_thousand_files_share_the_descriptors() {
    let names: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let world = World::new(Format::V1, &files);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    assert!(HANDLES.count() <= MOST_OPEN);
    storage.flush().unwrap();
    for piece in world.pieces() {
        assert!(world.check(&storage, piece));
        assert!(HANDLES.count() <= MOST_OPEN);
    }
    storage.close().unwrap();
    world.assert_whole();
}

#[test]
fn many_threads_write_at_once() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    let pieces = world.pieces();
    std::thread::scope(|scope| {
        for share in pieces.chunks(2) {
            let (storage, world) = (&storage, &world);
            scope.spawn(move || {
                for piece in share {
                    world.write(storage, *piece).unwrap();
                    storage.flush().unwrap();
                }
            });
        }
    });
    storage.close().unwrap();
    world.assert_whole();
}

#[test]
fn too_few_bytes_are_no_piece() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    let error = (storage.write_pieces(&[piece(0)], &[&[1; 100]])).unwrap_err();
    assert!(error.message.contains("given 100"), "{error}");
    assert!(!world.path(0).exists());
}
