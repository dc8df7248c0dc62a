//! The corpus on disk: `corpus/<target>/<name>`.

use std::path::PathBuf;

/// One file of the corpus.
#[derive(Debug, Clone)]
pub struct Seed {
    /// File name; `good-*` must be accepted by its target, `bad-*` refused, others may be either.
    pub name: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Seed {
    /// What its name says of it.
    pub fn accepted(&self) -> Option<bool> {
        if self.name.starts_with("good-") {
            Some(true)
        } else {
            self.name.starts_with("bad-").then_some(false)
        }
    }
}

/// The folder of a target's files.
pub fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// All files of a target, sorted by name.
pub fn seeds(target: &str) -> std::io::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder(target))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        seeds.push(Seed {
            name,
            data: std::fs::read(entry.path())?,
        });
    }
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seeds)
}
