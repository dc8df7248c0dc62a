//! Opening: what is on disk, what resume data says of it, and which of that can be believed.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use p2pcore_hashing::{Sha1, sha1};
use p2pcore_protocol::{FileIndex, Metainfo, PieceIndex};

use super::bits::Bits;
use super::place::{Found, Places, is_absent};
use super::resume::{FileNote, Notes, Resume};
use super::watch::Looks;
use super::{FileState, OnDisk, State, Storage, lock, sys};
use crate::api::Target;
use crate::error::StorageError;

/// What a storage found when it was opened. Pieces in neither list have no data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Existing {
    /// Good according to resume data that fits the files: no hashing is needed.
    pub trusted: Vec<PieceIndex>,
    /// Data is there and may be good: to be hashed.
    pub to_check: Vec<PieceIndex>,
}

impl Storage {
    /// Opens a torrent's data. `wanted` has one entry for each file. Without `state_dir` nothing is remembered.
    pub fn open(
        meta: Arc<Metainfo>,
        target: &Target,
        wanted: &[bool],
        state_dir: Option<&Path>,
    ) -> Result<(Self, Existing), StorageError> {
        Self::open_with(meta, target, wanted, state_dir, None)
    }

    /// Closes, and opens anew: after an error, say. Also without a state folder it is known which files we created.
    pub fn reopen(&self, wanted: &[bool]) -> Result<(Self, Existing), StorageError> {
        // What could not be flushed is not noted as good, and is checked again.
        let _ = self.close();
        let memory = lock(&self.state).notes(false);
        let meta = Arc::clone(&self.meta);
        Self::open_with(
            meta,
            &self.target,
            wanted,
            self.state_dir.as_deref(),
            Some(memory),
        )
    }

    fn open_with(
        meta: Arc<Metainfo>,
        target: &Target,
        wanted: &[bool],
        state_dir: Option<&Path>,
        memory: Option<Notes>,
    ) -> Result<(Self, Existing), StorageError> {
        let (places, made) = Places::open(&meta, target)?;
        let stem = stem(&meta, target);
        let mut resume = state_dir
            .map(|folder| Resume::new(folder, &stem))
            .transpose()?;
        let pieces = meta.layout().piece_count();
        let loaded = resume
            .as_mut()
            .and_then(|resume| resume.load(meta.files().len() as u32, pieces));
        let notes = loaded.or(memory);
        let parts = parts_path(&meta, &places, state_dir, &stem);
        let survey = Survey::take(
            &meta,
            target,
            &places,
            parts.as_deref(),
            wanted,
            notes.as_ref(),
        )?;
        let mut existing = survey.judge(notes.as_ref());
        let mut state = survey.state(&existing, notes);
        if made && !meta.files().is_empty() {
            state.folders.push((0, 0));
        }
        let storage = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            meta,
            target: target.clone(),
            state_dir: state_dir.map(Path::to_path_buf),
            places,
            parts,
            started: Instant::now(),
            flushing: Mutex::default(),
            gate: RwLock::default(),
            creating: Mutex::default(),
            resume: Mutex::new(resume),
            state: Mutex::new(state),
        };
        {
            let _flushing = lock(&storage.flushing);
            storage.checkpoint(true)?; // from here on creations are journalled
            storage.admit(wanted, &mut existing)?;
        }
        Ok((storage, existing))
    }

    /// Brings files in line with what is wanted now.
    fn admit(&self, wanted: &[bool], existing: &mut Existing) -> Result<(), StorageError> {
        if self.places.folder().is_none() {
            return Ok(());
        }
        let moving: Vec<FileIndex> = {
            let state = lock(&self.state);
            let entries = state.files.iter().enumerate();
            let moving = entries
                .filter(|(file, entry)| entry.in_parts && wanted.get(*file) == Some(&true))
                .map(|(file, _)| FileIndex::new(file as u32));
            moving.collect()
        };
        self.apply_wanted(wanted)?;
        if moving.is_empty() {
            return Ok(());
        }
        // Only trusted pieces moved: of the others the file has nothing.
        let layout = self.meta.layout();
        existing.to_check.retain(|piece| {
            !layout
                .piece_files(*piece)
                .any(|file| moving.binary_search(&file).is_ok())
        });
        self.flush_now()?;
        self.checkpoint(true)
    }
}

/// How every file was found.
struct Survey<'a> {
    meta: &'a Metainfo,
    files: Vec<Surveyed>,
    parts_size: Option<u64>,
    read_only: bool,
    overwrite: bool,
}

struct Surveyed {
    found: Option<Found>,
    on_disk: OnDisk,
    in_parts: bool,
    /// Where the file has bytes; `None`: everywhere, or not known.
    runs: Option<Vec<Range<u64>>>,
}

impl Surveyed {
    fn is_hole(&self, byte: u64) -> bool {
        self.runs.as_ref().is_some_and(|runs| {
            let next = runs.partition_point(|run| run.end <= byte);
            runs.get(next).is_none_or(|run| byte < run.start)
        })
    }
}

impl<'a> Survey<'a> {
    fn take(
        meta: &'a Metainfo,
        target: &Target,
        places: &Places,
        parts: Option<&Path>,
        wanted: &[bool],
        notes: Option<&Notes>,
    ) -> Result<Self, StorageError> {
        let parts_size = match parts.map(std::fs::symlink_metadata) {
            Some(Ok(metadata)) => metadata.is_file().then_some(metadata.len()),
            _ => None,
        };
        let overwrite = matches!(
            target,
            Target::Download {
                overwrite: true,
                ..
            }
        );
        let read_only = !matches!(target, Target::Download { .. });
        let mut survey = Self {
            meta,
            files: Vec::new(),
            parts_size,
            read_only,
            overwrite,
        };
        for number in 0..meta.files().len() {
            let file = FileIndex::new(number as u32);
            let noted = notes.and_then(|notes| Noted::of(notes, meta, file));
            let wanted = wanted.get(number).copied().unwrap_or(true);
            let surveyed = survey.look(file, places, noted, wanted)?;
            survey.files.push(surveyed);
        }
        Ok(survey)
    }

    fn look(
        &self,
        file: FileIndex,
        places: &Places,
        noted: Option<Noted>,
        wanted: bool,
    ) -> Result<Surveyed, StorageError> {
        let mut found = places.find(file)?;
        let on_disk = match &found {
            None => OnDisk::Absent,
            Some(found) if !self.read_only && noted.is_some_and(|noted| noted.is_ours(found)) => {
                OnDisk::Ours(found.inode)
            }
            Some(_) => OnDisk::Foreign,
        };
        let in_parts = !self.read_only
            && match noted {
                Some(noted) if noted.note.in_parts => !(wanted && on_disk == OnDisk::Foreign),
                Some(_) => !wanted && on_disk == OnDisk::Absent,
                None => !wanted,
            };
        let may_cut = matches!(on_disk, OnDisk::Ours(_)) || self.overwrite && !self.read_only;
        let size = self.meta.layout().file_size(file);
        if let Some(long) = &mut found
            && long.regular
            && long.size > size
            && wanted
            && may_cut
        {
            cut(places, file, size)?;
            *long = places.find(file)?.unwrap_or(*long);
        }
        // Of what we made and did not finish, only what was written can be good.
        let unfinished = matches!(on_disk, OnDisk::Ours(_)) && noted.is_none_or(|n| !n.whole);
        let runs = if unfinished && !in_parts && size > 0 {
            let opened = places.open_file(file, false);
            opened.ok().and_then(|opened| sys::data_runs(&opened))
        } else {
            None
        };
        Ok(Surveyed {
            found,
            on_disk,
            in_parts,
            runs,
        })
    }

    fn judge(&self, notes: Option<&Notes>) -> Existing {
        let believable: Vec<bool> = (0..self.files.len())
            .map(|file| self.is_believable(file, notes))
            .collect();
        let layout = self.meta.layout();
        let mut existing = Existing::default();
        for piece in layout.pieces().filter(|piece| layout.data_size(*piece) > 0) {
            let was_good = notes.is_some_and(|notes| notes.good.get(piece.get()));
            let mut there = true;
            let mut trusted = was_good;
            let mut known = notes.is_some_and(|notes| notes.settled);
            for slice in layout.slices(layout.data_span(piece)) {
                let Some(file) = slice.file else {
                    continue;
                };
                let end = slice.offset + u64::from(slice.length);
                there &= self.has(file, slice.offset..end);
                trusted &= believable[file.as_usize()];
                known &= believable[file.as_usize()] && Self::is_noted(file, notes);
            }
            match (there, trusted) {
                (true, true) => existing.trusted.push(piece),
                // Neither where it was bad or a hole at a clean end, and nothing has changed since.
                (true, false) if !known => existing.to_check.push(piece),
                _ => {}
            }
        }
        existing
    }

    /// Whether it was noted what the file looked like, or where else its bytes are.
    fn is_noted(file: FileIndex, notes: Option<&Notes>) -> bool {
        notes
            .and_then(|notes| notes.files.get(file.as_usize()))
            .is_some_and(|note| note.in_parts || note.stamp.is_some())
    }

    /// Whether the file looks as it did when its pieces were noted.
    fn is_believable(&self, number: usize, notes: Option<&Notes>) -> bool {
        let surveyed = &self.files[number];
        let note = notes.and_then(|notes| notes.files.get(number));
        let size = self.meta.layout().file_size(FileIndex::new(number as u32));
        match (note, &surveyed.found) {
            (Some(note), _) if note.in_parts != surveyed.in_parts => false,
            (Some(_), _) if surveyed.in_parts => true,
            (
                Some(FileNote {
                    stamp: Some(stamp), ..
                }),
                Some(found),
            ) => found.size == size && *stamp == (found.size, found.mtime_ns),
            (Some(_), Some(found)) => found.size == size,
            _ => false,
        }
    }

    /// Whether a file has these bytes, and is not of a size that no write of ours could mend.
    fn has(&self, file: FileIndex, bytes: Range<u64>) -> bool {
        let surveyed = &self.files[file.as_usize()];
        let layout = self.meta.layout();
        if surveyed.in_parts {
            let start = layout.file_start(file);
            return self
                .parts_size
                .is_some_and(|size| size >= start + bytes.end);
        }
        let size = layout.file_size(file);
        surveyed.found.as_ref().is_some_and(|found| {
            let fits = if self.read_only {
                found.size == size
            } else {
                (bytes.end..=size).contains(&found.size)
            };
            let hole = surveyed.is_hole(bytes.start) || surveyed.is_hole(bytes.end - 1);
            found.regular && fits && !hole
        })
    }

    fn state(&self, existing: &Existing, notes: Option<Notes>) -> State {
        let layout = self.meta.layout();
        let mut good = Bits::new(layout.piece_count());
        let mut trusted_of: Vec<u32> = vec![0; self.files.len()];
        for piece in &existing.trusted {
            good.set(piece.get());
            for file in layout.piece_files(*piece) {
                trusted_of[file.as_usize()] += 1;
            }
        }
        let entry = |(number, surveyed): (usize, &Surveyed)| {
            let file = FileIndex::new(number as u32);
            let missing = layout.file_pieces(file).len() as u32 - trusted_of[number];
            FileState {
                on_disk: surveyed.on_disk,
                in_parts: surveyed.in_parts,
                missing,
                looks: Looks::of(surveyed.found),
            }
        };
        let (folders, generation) = notes
            .map(|notes| (notes.folders, notes.generation))
            .unwrap_or_default();
        State {
            files: self.files.iter().enumerate().map(entry).collect(),
            stored: good.clone(),
            flushed: good.clone(),
            good,
            pending: Vec::new(),
            dirty: std::collections::BTreeSet::new(),
            folders,
            generation,
            unchecked: existing.to_check.len(),
        }
    }
}

/// What was noted of one file.
#[derive(Clone, Copy)]
struct Noted<'a> {
    note: &'a FileNote,
    link: bool,
    /// All its pieces were good.
    whole: bool,
}

impl<'a> Noted<'a> {
    fn of(notes: &'a Notes, meta: &Metainfo, file: FileIndex) -> Option<Self> {
        let mut pieces = meta.layout().file_pieces(file);
        Some(Self {
            note: notes.files.get(file.as_usize())?,
            link: meta.files()[file.as_usize()].attributes.symlink.is_some(),
            whole: pieces.all(|piece| notes.good.get(piece)),
        })
    }

    /// Whether what stands there now is what we created. What was whole and is not as we left it belongs to who edited
    /// it.
    fn is_ours(self, found: &Found) -> bool {
        let FileNote { stamp, created, .. } = *self.note;
        let as_noted = stamp == Some((found.size, found.mtime_ns));
        match created {
            // Whatever it leads to.
            Some(inode) if self.link => inode == found.inode,
            Some(_) if self.whole && stamp.is_some() => found.regular && as_noted,
            Some(inode) => found.regular && (inode == found.inode || as_noted),
            // We died around its creation: if it is empty, nothing is lost by taking it.
            None => self.note.intended && found.regular && found.size == 0,
        }
    }
}

fn cut(places: &Places, file: FileIndex, size: u64) -> Result<(), StorageError> {
    match places
        .open_file(file, true)
        .and_then(|opened| opened.set_len(size))
    {
        Err(error) if !is_absent(&error) => {
            Err(StorageError::new("write", places.path(file), &error))
        }
        _ => Ok(()),
    }
}

fn parts_path(
    meta: &Metainfo,
    places: &Places,
    state_dir: Option<&Path>,
    stem: &str,
) -> Option<PathBuf> {
    let into = places.folder()?;
    Some(match state_dir {
        Some(folder) => folder.join(format!("{stem}.parts")),
        None => into.join(format!(".{}.p2pcore-parts", hex(&info_hash(meta)))),
    })
}

/// The name of a torrent's resume data for one target.
fn stem(meta: &Metainfo, target: &Target) -> String {
    let mut hasher = Sha1::new();
    let mut feed = |kind: &str, path: &Path| {
        hasher.update(kind.as_bytes());
        hasher.update(canonical(path).as_os_str().as_encoded_bytes());
        hasher.update(&[0]);
    };
    match target {
        Target::Seed(path) => feed("seed:", path),
        Target::SeedFiles(paths) => paths.iter().for_each(|path| feed("file:", path)),
        Target::Download { into, .. } => feed("into:", into),
    }
    let key = hasher.finish();
    format!("{}-{}", hex(&info_hash(meta)), hex(&key[..8]))
}

fn canonical(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.canonicalize().unwrap_or_else(|_| absolute())
}

fn info_hash(meta: &Metainfo) -> Vec<u8> {
    let v1 = meta.info_hash_v1().map(|hash| hash.to_vec());
    let v2 = || meta.info_hash_v2().map(|hash| hash.to_vec());
    v1.or_else(v2)
        .unwrap_or_else(|| sha1(meta.info_bytes()).to_vec())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // a String takes everything
        out
    })
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
