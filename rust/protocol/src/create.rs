//! Making a torrent, without touching a disk: a [`Plan`] orders the files and lays out pieces; the caller hashes each
//! piece (with [`PiecesHasher`]) and [`Plan::build`] writes the metainfo.
//!
//! Deterministic: the same tree and options give the same bytes. `info` is what libtorrent 2.1.1 writes for the same
//! input, with one exception. Files stand in the order of the v2 tree, component by component, in every format;
//! libtorrent orders a hybrid's v1 list by whole paths, which contradicts its own tree where a folder `a` stands beside
//! a file such as `a.txt` or `a-b`, so that no v2 client (nor libtorrent) loads the result.

use p2pcore_hashing::{Sha1Digest, Sha256Digest, merkle};

use crate::check::{PieceHashes, PiecesHasher};
use crate::index::{BLOCK, FileIndex};
use crate::layout::{FileSlice, Layout, LayoutError, MAX_PIECE_LENGTH, Span};
use crate::metainfo::{Attributes, Format, Metainfo, MetainfoError};
use crate::path::{PathError, TorrentPath, check_component};

mod info;
#[cfg(test)]
mod tests;

/// A file to put into a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path in the root folder; the torrent's name, where it is the only file and the torrent is that file.
    pub path: TorrentPath,
    /// Bytes; 0 for a symlink.
    pub length: u64,
    /// BEP 47.
    pub attributes: Attributes,
}

/// What the user chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Which hashes.
    pub format: Format,
    /// A power of two of at least 16 KiB; `None`: by total size.
    pub piece_length: Option<u32>,
    /// Peers come from its trackers only (BEP 27).
    pub private: bool,
    /// `source` in `info`.
    pub source: Option<String>,
    /// Tiers of trackers (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// `url-list` (BEP 19).
    pub web_seeds: Vec<String>,
    /// `httpseeds` (BEP 17).
    pub http_seeds: Vec<String>,
    /// A comment.
    pub comment: Option<String>,
    /// The program.
    pub created_by: Option<String>,
    /// Seconds since 1970; `None` leaves it out, so that the same input gives the same bytes at any time.
    pub creation_date: Option<i64>,
}

impl CreateOptions {
    /// Nothing but the format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            piece_length: None,
            private: false,
            source: None,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            http_seeds: Vec::new(),
            comment: None,
            created_by: None,
            creation_date: None,
        }
    }
}

/// Why no torrent is made. All of it is the caller's input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Not a power of two, or too small or large.
    #[error("piece length {0} is not a power of two from {BLOCK} to {MAX_PIECE_LENGTH}")]
    PieceLength(u32),
    /// There is nothing to share.
    #[error("there is no data: no file, or only empty ones")]
    Empty,
    /// A path twice, or a file where another file needs a folder.
    #[error("{0:?} is named twice, or is both a file and a folder")]
    Clash(String),
    /// A single file whose path is not its name, or more than one.
    #[error("a torrent of a single file needs exactly one, named {0:?}")]
    Single(String),
    /// A symlink with bytes of its own.
    #[error("the symlink {0:?} has a length")]
    Symlink(String),
    /// The torrent's name.
    #[error("unsafe name: {0}")]
    Name(#[from] PathError),
    /// The files make no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The hashes of a piece are missing, of another format, or over too few bytes.
    #[error("piece {0} is not hashed as the format needs")]
    Hashes(u32),
    /// What was built is refused. This is a bug of ours.
    #[error("bug: the torrent built is refused: {0}")]
    BugRefused(#[from] MetainfoError),
}

/// A torrent but for its hashes.
#[derive(Debug, Clone)]
pub struct Plan {
    name: String,
    single: bool,
    files: Vec<FileEntry>,
    options: CreateOptions,
    layout: Layout,
}

impl Plan {
    /// Orders the files and lays out the pieces. `single`: the torrent is the one file itself, not a folder with it.
    pub fn new(
        name: &str,
        single: bool,
        mut files: Vec<FileEntry>,
        options: CreateOptions,
    ) -> Result<Self, CreateError> {
        check_component(name)?;
        if single && !matches!(&files[..], [file] if file.path.as_str() == name) {
            return Err(CreateError::Single(name.to_owned()));
        }
        files.sort_by(|one, two| one.path.cmp(&two.path));
        check_files(&files)?;
        let total = files
            .iter()
            .map(|file| file.length)
            .fold(0, u64::saturating_add);
        let piece_length = options
            .piece_length
            .unwrap_or_else(|| auto_piece_length(total));
        let range = BLOCK..=MAX_PIECE_LENGTH;
        if !piece_length.is_power_of_two() || !range.contains(&piece_length) {
            return Err(CreateError::PieceLength(piece_length));
        }
        let layout = match options.format {
            Format::V2 => Layout::aligned(piece_length, files.iter().map(|file| file.length))?,
            format => Layout::new(piece_length, spans(&files, piece_length, format))?,
        };
        Ok(Self {
            name: name.to_owned(),
            single,
            files,
            options,
            layout,
        })
    }

    /// Where pieces lie in files: hash every piece of it, without the padding at its end.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The files in torrent order: `FileIndex` counts these.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Which hashes are needed.
    pub fn format(&self) -> Format {
        self.options.format
    }

    /// Hashes data that is in memory: `contents` holds each file's bytes, in torrent order. For small torrents and
    /// tests; whole disks are read with a `PiecesHasher`.
    pub fn hash_contents<B: AsRef<[u8]>>(&self, contents: &[B]) -> Vec<PieceHashes> {
        let slice = |slice: FileSlice| {
            let file = contents.get(slice.file?.as_usize())?.as_ref();
            let start = usize::try_from(slice.offset).ok()?;
            file.get(start..start + slice.length as usize)
        };
        let hash = |piece| {
            let mut hasher = PiecesHasher::new(&self.layout, &[piece], self.format());
            let data = self.layout.slices(self.layout.data_span(piece));
            data.filter_map(slice)
                .for_each(|bytes| hasher.update(&[&[bytes]]));
            hasher.finish()
        };
        self.layout.pieces().flat_map(hash).collect()
    }

    /// The metainfo, from the hashes of all pieces in order.
    pub fn build(
        &self,
        hashes: impl IntoIterator<Item = PieceHashes>,
    ) -> Result<Metainfo, CreateError> {
        let mut flat = Vec::new();
        let mut roots = Vec::new();
        for (next, piece) in (0..).zip(hashes) {
            let whole = self.layout.data_size(piece.piece);
            if piece.piece.get() != next || piece.found != u64::from(whole) {
                return Err(CreateError::Hashes(next));
            }
            flat.extend(piece.v1);
            roots.extend(piece.v2);
        }
        self.build_from(&flat, &roots)
    }

    /// The metainfo, from one SHA-1 for each piece (v1 and hybrid, else empty) and one tree root for each piece (v2 and
    /// hybrid, else empty).
    pub fn build_from(
        &self,
        flat: &[Sha1Digest],
        roots: &[Sha256Digest],
    ) -> Result<Metainfo, CreateError> {
        let pieces = self.layout.piece_count() as usize;
        let fits = |wanted: bool, found: usize| found == if wanted { pieces } else { 0 };
        if !fits(self.format() != Format::V2, flat.len()) {
            return Err(CreateError::Hashes(flat.len() as u32));
        }
        if !fits(self.format() != Format::V1, roots.len()) {
            return Err(CreateError::Hashes(roots.len() as u32));
        }
        let bytes = info::torrent(self, flat, roots).to_bytes();
        Ok(Metainfo::parse(&bytes)?)
    }

    /// The tree root of a file from the roots of its pieces; `None` for an empty file.
    fn file_root(&self, file: FileIndex, roots: &[Sha256Digest]) -> Option<Sha256Digest> {
        match self.file_layer(file, roots) {
            [] => None,
            // A file no larger than a piece: its tree is the piece's, padded to no more than its own blocks.
            [root] => Some(*root),
            layer => {
                let height = (self.layout.piece_length() as usize / merkle::LEAF).ilog2();
                Some(merkle::root(layer, height, 1))
            }
        }
    }

    fn file_layer<'a>(&self, file: FileIndex, roots: &'a [Sha256Digest]) -> &'a [Sha256Digest] {
        let pieces = self.layout.file_pieces(file);
        roots
            .get(pieces.start as usize..pieces.end as usize)
            .unwrap_or_default()
    }
}

/// The piece length that libtorrent 2.1.1 takes for so many bytes: about as many bytes of v1 hashes as give the
/// smallest sum of torrent and piece, from 16 KiB to 16 MiB.
pub fn auto_piece_length(total: u64) -> u32 {
    const UP_TO: [u64; 10] = [
        2_684_355,
        10_737_418,
        42_949_673,
        171_798_692,
        687_194_767,
        2_748_779_069,
        10_995_116_278,
        43_980_465_111,
        175_921_860_444,
        703_687_441_777,
    ];
    BLOCK << UP_TO.iter().filter(|&&limit| limit < total).count()
}

/// The spans of the v1 list.
fn spans(files: &[FileEntry], piece_length: u32, format: Format) -> Vec<Span> {
    let mut spans = Vec::with_capacity(files.len());
    for file in files {
        spans.push(Span::File(file.length));
        spans.extend(pad_after(file, files.len(), piece_length, format).map(Span::Pad));
    }
    spans
}

/// Bytes of padding after a file in the v1 list: in a hybrid every file is padded to a whole piece, the last as well
/// (as libtorrent 2.1 does), but for the only file of a torrent.
fn pad_after(file: &FileEntry, files: usize, piece_length: u32, format: Format) -> Option<u64> {
    let past = file.length % u64::from(piece_length);
    let padded = past > 0 && files > 1 && format == Format::Hybrid;
    padded.then(|| u64::from(piece_length) - past)
}

fn check_files(files: &[FileEntry]) -> Result<(), CreateError> {
    if let Some(pair) = files
        .windows(2)
        .find(|pair| pair[0].path.holds(&pair[1].path))
    {
        return Err(CreateError::Clash(pair[0].path.to_string()));
    }
    let linked = |file: &&FileEntry| file.attributes.symlink.is_some() && file.length > 0;
    if let Some(link) = files.iter().find(linked) {
        return Err(CreateError::Symlink(link.path.to_string()));
    }
    if files.iter().all(|file| file.length == 0) {
        return Err(CreateError::Empty);
    }
    Ok(())
}
