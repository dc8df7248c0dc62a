//! Resume data: which pieces were verified and flushed, what we created, and how files looked then.
//!
//! Two files. The notes are a whole snapshot, replaced atomically. The journal behind them grows by records of fixed
//! size, each with a checksum, and belongs to the notes of the same generation only. A file's creation is journalled
//! before and after it happens, a piece after its bytes were flushed: what is read back was true. Anything torn,
//! garbled or of another torrent's shape is as good as absent: then all data is checked. No byte here can panic.
//!
//! Nothing is written that is there already, and no journal is begun before its first record: of thousands of torrents
//! that are only served, none costs a write or an open file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use p2pcore_hashing::sha1;

use super::bits::Bits;
use crate::error::StorageError;

/// What is noted of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FileNote {
    /// We created it; its inode then.
    pub created: Option<u64>,
    /// We were about to create it when the notes end.
    pub intended: bool,
    /// Its bytes are in the parts file.
    pub in_parts: bool,
    /// Size and time of its last change, where no write of ours came after.
    pub stamp: Option<(u64, i64)>,
}

/// All that is noted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Notes {
    pub generation: u64,
    pub files: Vec<FileNote>,
    pub good: Bits,
    /// Folders that we made: (a file below, depth).
    pub folders: Vec<(u32, u32)>,
    /// A clean end with all data checked: pieces that are not good are known to be bad or not there.
    pub settled: bool,
}

impl FileNote {
    fn encode(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.created.is_some())
            | u8::from(self.intended) << 1
            | u8::from(self.in_parts) << 2
            | u8::from(self.stamp.is_some()) << 3;
        let (size, mtime_ns) = self.stamp.unwrap_or_default();
        out.push(flags);
        out.extend(self.created.unwrap_or_default().to_be_bytes());
        out.extend(size.to_be_bytes());
        out.extend(mtime_ns.to_be_bytes());
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let [flags] = take(input)?;
        let inode = u64::from_be_bytes(take(input)?);
        let size = u64::from_be_bytes(take(input)?);
        let mtime_ns = i64::from_be_bytes(take(input)?);
        Some(Self {
            created: (flags & 1 != 0).then_some(inode),
            intended: flags & 2 != 0,
            in_parts: flags & 4 != 0,
            stamp: (flags & 8 != 0).then_some((size, mtime_ns)),
        })
    }
}

impl Notes {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(u8::from(self.settled));
        out.extend(self.generation.to_be_bytes());
        out.extend((self.files.len() as u32).to_be_bytes());
        out.extend((self.good.bytes().len() as u32).to_be_bytes());
        out.extend((self.folders.len() as u32).to_be_bytes());
        self.files.iter().for_each(|note| note.encode(&mut out));
        out.extend(self.good.bytes());
        for (file, depth) in &self.folders {
            out.extend(file.to_be_bytes());
            out.extend(depth.to_be_bytes());
        }
        let sum = sha1(&out);
        out.extend(sum);
        out
    }

    fn decode(bytes: &[u8], files: u32, pieces: u32) -> Option<Self> {
        let (mut input, sum) = bytes.split_last_chunk::<20>()?;
        if sha1(input) != *sum || take(&mut input)? != *MAGIC {
            return None;
        }
        let [settled] = take(&mut input)?;
        let generation = u64::from_be_bytes(take(&mut input)?);
        let counts: [[u8; 4]; 3] = [take(&mut input)?, take(&mut input)?, take(&mut input)?];
        let [file_count, good_bytes, folder_count] = counts.map(u32::from_be_bytes);
        if file_count != files {
            return None;
        }
        let mut notes = Self {
            generation,
            settled: settled == 1,
            ..Self::default()
        };
        for _ in 0..file_count {
            notes.files.push(FileNote::decode(&mut input)?);
        }
        let (good, rest) = input.split_at_checked(good_bytes as usize)?;
        notes.good = Bits::from_bytes(good, pieces)?;
        input = rest;
        for _ in 0..folder_count {
            let file = u32::from_be_bytes(take(&mut input)?);
            notes
                .folders
                .push((file, u32::from_be_bytes(take(&mut input)?)));
        }
        let fits = input.is_empty() && notes.folders.iter().all(|(file, _)| *file < files);
        fits.then_some(notes)
    }

    fn replay(&mut self, journal: &[u8]) {
        let mut records = journal.chunks_exact(RECORD);
        let start = records.next().and_then(Record::decode);
        if start != Some(Record::Start(self.generation)) {
            return;
        }
        for record in records.map_while(Record::decode) {
            self.apply(record);
        }
    }

    fn apply(&mut self, record: Record) {
        let mut with = |file: u32, act: fn(&mut FileNote, u64), value: u64| {
            if let Some(note) = self.files.get_mut(file as usize) {
                act(note, value);
            }
        };
        match record {
            Record::Start(_) => {}
            Record::Creating(file) => with(file, |note, _| note.intended = true, 0),
            Record::NotCreated(file) => with(file, |note, _| note.intended = false, 0),
            Record::Created(file, inode) => with(
                file,
                |note, inode| {
                    note.created = Some(inode);
                    note.intended = false;
                },
                inode,
            ),
            Record::Folder(file, depth) => {
                if (file as usize) < self.files.len() {
                    self.folders.push((file, depth));
                }
            }
            Record::Flushed(piece) => {
                self.good.set(piece);
            }
        }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// The first: which notes it continues.
    Start(u64),
    /// This file is about to be created.
    Creating(u32),
    /// It was not: something stood there.
    NotCreated(u32),
    /// It was; its inode.
    Created(u32, u64),
    /// A folder above this file was made, at this depth.
    Folder(u32, u32),
    /// A verified piece is on disk.
    Flushed(u32),
}

impl Record {
    fn encode(self) -> [u8; RECORD] {
        let (kind, number, value) = match self {
            Self::Start(generation) => (0, 0, generation),
            Self::Creating(file) => (1, file, 0),
            Self::NotCreated(file) => (2, file, 0),
            Self::Created(file, inode) => (3, file, inode),
            Self::Folder(file, depth) => (4, file, u64::from(depth)),
            Self::Flushed(piece) => (5, piece, 0),
        };
        let mut out = [0; RECORD];
        out[..4].copy_from_slice(&u32::to_be_bytes(kind));
        out[4..8].copy_from_slice(&number.to_be_bytes());
        out[8..16].copy_from_slice(&value.to_be_bytes());
        let sum = sha1(&out[..16]);
        out[16..].copy_from_slice(&sum[..8]);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut input, sum) = bytes.split_at_checked(16)?;
        if !sha1(input).starts_with(sum) || sum.len() != 8 {
            return None;
        }
        let kind = u32::from_be_bytes(take(&mut input)?);
        let number = u32::from_be_bytes(take(&mut input)?);
        let value = u64::from_be_bytes(take(&mut input)?);
        match kind {
            0 => Some(Self::Start(value)),
            1 => Some(Self::Creating(number)),
            2 => Some(Self::NotCreated(number)),
            3 => Some(Self::Created(number, value)),
            4 => Some(Self::Folder(number, u32::try_from(value).ok()?)),
            5 => Some(Self::Flushed(number)),
            _ => None,
        }
    }
}

/// The two files of one torrent and target.
#[derive(Debug)]
pub(super) struct Resume {
    /// Without their extension.
    stem: PathBuf,
    /// The checksum of the notes that are on disk and tell all, without a journal behind them.
    saved: Option<Sum>,
    journal: Journal,
}

/// Where records go.
#[derive(Debug)]
enum Journal {
    /// Nowhere: this is a clean end.
    Ended,
    /// Into a file that is begun with the first of them, behind notes of this generation.
    Due(u64),
    Begun(File),
}

type Sum = [u8; 20];

impl Resume {
    /// In this folder, under this name; the folder is made where it is missing.
    pub fn new(folder: &Path, stem: &str) -> Result<Self, StorageError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| StorageError::new("create", folder, &error))?;
        Ok(Self {
            stem: folder.join(stem),
            saved: None,
            journal: Journal::Ended,
        })
    }

    /// What was noted; `None` where nothing trustworthy was.
    pub fn load(&mut self, files: u32, pieces: u32) -> Option<Notes> {
        let bytes = std::fs::read(self.notes_path()).ok()?;
        let mut notes = Notes::decode(&bytes, files, pieces)?;
        let journal = std::fs::read(self.journal_path()).unwrap_or_default();
        self.saved = bytes.last_chunk().copied().filter(|_| journal.is_empty());
        notes.replay(&journal);
        Some(notes)
    }

    /// Brings the notes on disk in line with these, under their generation or, if that means a change, the next one. From
    /// now on there is a journal behind them (`go_on`), or none.
    pub fn save(&mut self, notes: &mut Notes, go_on: bool) -> Result<(), StorageError> {
        let same = self.saved.is_some() && self.saved == notes.encode().last_chunk().copied();
        if !same {
            notes.generation += 1;
            self.write(&notes.encode())
                .map_err(|error| StorageError::new("create", self.notes_path(), &error))?;
        }
        let begun = matches!(self.journal, Journal::Begun(_)) || !same;
        self.journal = if go_on {
            Journal::Due(notes.generation)
        } else {
            Journal::Ended
        };
        if begun {
            let path = self.journal_path();
            delete(&path).map_err(|error| StorageError::new("delete", path, &error))?;
        }
        Ok(())
    }

    fn write(&mut self, notes: &[u8]) -> io::Result<()> {
        self.saved = None;
        let partial = self.stem.with_added_extension("resume.tmp");
        let mut file = File::create(&partial)?;
        file.write_all(notes)?;
        file.sync_data()?;
        std::fs::rename(&partial, self.notes_path())?;
        self.saved = notes.last_chunk().copied();
        Ok(())
    }

    /// Adds records, in one write.
    pub fn append(&mut self, records: &[Record], sync: bool) -> Result<(), StorageError> {
        let path = self.journal_path();
        self.saved = None;
        let failed = |error: io::Error| StorageError::new("write", path.clone(), &error);
        let file = match &mut self.journal {
            Journal::Ended => return Ok(()),
            Journal::Due(generation) => {
                let mut file = File::create(&path).map_err(failed)?;
                let start = Record::Start(*generation).encode();
                file.write_all(&start).map_err(failed)?;
                self.journal = Journal::Begun(file);
                return self.append(records, sync);
            }
            Journal::Begun(file) => file,
        };
        let bytes: Vec<u8> = records.iter().flat_map(|record| record.encode()).collect();
        file.write_all(&bytes).map_err(failed)?;
        if sync {
            file.sync_data().map_err(failed)?;
        }
        Ok(())
    }

    /// Deletes both.
    pub fn delete(&mut self) -> Result<(), StorageError> {
        self.saved = None;
        self.journal = Journal::Ended;
        for path in [self.notes_path(), self.journal_path()] {
            delete(&path).map_err(|error| StorageError::new("delete", path, &error))?;
        }
        Ok(())
    }

    fn notes_path(&self) -> PathBuf {
        self.stem.with_added_extension("resume")
    }

    fn journal_path(&self) -> PathBuf {
        self.stem.with_added_extension("journal")
    }
}

pub(super) fn delete(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (found, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*found)
}

/// Its last byte is the version.
const MAGIC: &[u8; 16] = b"p2pcore resume\0\x01";

const RECORD: usize = 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notes() -> Notes {
        let mut good = Bits::new(20);
        good.set(3);
        good.set(19);
        let file = FileNote {
            created: Some(77),
            stamp: Some((5, -6)),
            ..FileNote::default()
        };
        let other = FileNote {
            in_parts: true,
            intended: true,
            ..FileNote::default()
        };
        Notes {
            generation: 9,
            files: vec![file, other],
            good,
            folders: vec![(1, 2)],
            settled: true,
        }
    }

    #[test]
    fn notes_come_back() {
        assert_eq!(Notes::decode(&notes().encode(), 2, 20), Some(notes()));
    }

    #[test]
    fn notes_of_another_shape_are_ignored() {
        let bytes = notes().encode();
        assert_eq!(Notes::decode(&bytes, 3, 20), None);
        assert_eq!(Notes::decode(&bytes, 2, 30), None);
    }

    #[test]
    fn every_garbled_byte_is_noticed() {
        let bytes = notes().encode();
        for at in 0..bytes.len() {
            let mut garbled = bytes.clone();
            garbled[at] ^= 0x40;
            assert_eq!(Notes::decode(&garbled, 2, 20), None, "byte {at}");
            assert_eq!(Notes::decode(&bytes[..at], 2, 20), None, "cut at {at}");
        }
    }

    #[test]
    fn a_torn_journal_counts_up_to_the_tear() {
        let records = [
            Record::Start(9),
            Record::Flushed(1),
            Record::Creating(1),
            Record::Created(1, 5),
            Record::Folder(0, 1),
            Record::Flushed(2),
        ];
        let mut bytes: Vec<u8> = records.iter().flat_map(|record| record.encode()).collect();
        bytes.pop();
        let mut replayed = notes();
        replayed.replay(&bytes);
        assert!(replayed.good.get(1));
        assert!(!replayed.good.get(2));
        assert_eq!(replayed.files[1].created, Some(5));
        assert!(!replayed.files[1].intended);
        assert_eq!(replayed.folders, [(1, 2), (0, 1)]);
    }

    #[test]
    fn the_journal_of_older_notes_is_ignored() {
        let records = [Record::Start(8), Record::Flushed(1)];
        let bytes: Vec<u8> = records.iter().flat_map(|record| record.encode()).collect();
        let mut replayed = notes();
        replayed.replay(&bytes);
        assert_eq!(replayed, notes());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Notes::decode(&bytes, 2, 20);
            let mut with_sum = bytes.clone();
            with_sum.extend(sha1(&bytes));
            let _ = Notes::decode(&with_sum, 2, 20);
            notes().replay(&bytes);
        }
    }
}
