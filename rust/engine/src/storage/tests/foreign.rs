//! What we did not create is left alone.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_foreign_file_is_read_but_not_written() {
    let world = World::single(Format::V1, 4 * PIECE as usize);
    let mut content = world.contents[0].clone();
    content[PIECE as usize] ^= 1;
    fs::create_dir(world.folder()).unwrap();
    fs::write(world.path(0), &content).unwrap();
    let (storage, existing) = world.open(&[true]);
    assert_eq!(existing.to_check, world.pieces());
    assert!(world.check(&storage, piece(0)));
    assert!(!world.check(&storage, piece(1)));
    let error = world.write(&storage, piece(1)).unwrap_err();
    assert_eq!((error.operation, error.errno), ("write", Some(17)));
    assert!(error.message.contains("overwrite=True"), "{error}");
    storage.remove(true).unwrap();
    assert!(fs::read(world.path(0)).unwrap() == content);
}

#[test]
fn a_foreign_file_is_completed_where_the_user_says_so_but_never_deleted() {
    let world = World::single(Format::V1, 4 * PIECE as usize);
    let mut content = world.contents[0].clone();
    content[PIECE as usize] ^= 1;
    content.extend(b"and more");
    fs::create_dir(world.folder()).unwrap();
    fs::write(world.path(0), &content).unwrap();
    let (storage, existing) = world.try_open(&world.download(true), &[true]).unwrap();
    assert_eq!(existing.to_check, world.pieces());
    assert!(world.check(&storage, piece(0)));
    storage.mark_good(piece(0));
    for number in 1..4 {
        world.write(&storage, piece(number)).unwrap();
    }
    storage.flush().unwrap();
    world.assert_whole();
    HANDLES.close_all(storage.id);
    assert!(world.check(&storage, piece(2)));
    storage.remove(true).unwrap();
    world.assert_whole();
}

#[test]
fn a_foreign_file_of_a_longer_size_is_not_the_torrents() {
    let world = World::single(Format::V1, 4 * PIECE as usize);
    fs::create_dir(world.folder()).unwrap();
    fs::write(world.path(0), vec![0; 5 * PIECE as usize]).unwrap();
    let (storage, existing) = world.open(&[true]);
    assert_eq!(existing, Existing::default());
    assert!(world.write(&storage, piece(0)).is_err());
    assert_eq!(
        fs::metadata(world.path(0)).unwrap().len(),
        5 * u64::from(PIECE)
    );
}

#[test]
fn a_file_that_appears_meanwhile_is_not_touched() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    fs::write(world.path(0), b"new").unwrap();
    let error = world.write(&storage, piece(0)).unwrap_err();
    assert_eq!((error.operation, error.errno), ("write", Some(17)));
    drop(storage);
    let (storage, _) = world.open(&[true]);
    storage.remove(true).unwrap();
    assert_eq!(fs::read(world.path(0)).unwrap(), b"new");
}

#[test]
fn a_file_that_took_the_place_of_ours_is_foreign() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    world.write(&storage, piece(0)).unwrap();
    storage.close().unwrap();
    drop(storage);
    // Made before the old one goes, so that it cannot have its inode.
    let other = world.folder().join("other");
    fs::write(&other, b"theirs").unwrap();
    fs::rename(other, world.path(0)).unwrap();
    let (storage, _) = world.open(&[true]);
    assert_eq!(world.write(&storage, piece(0)).unwrap_err().errno, Some(17));
    storage.remove(true).unwrap();
    assert_eq!(fs::read(world.path(0)).unwrap(), b"theirs");
}

#[test]
fn planted_links_lead_nowhere() {
    for overwrite in [false, true] {
        let world = World::new(Format::V2, &FILES);
        let outside = world.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("target"), vec![1; 10]).unwrap();
        fs::create_dir_all(world.folder().join("torrent/b")).unwrap();
        symlink(outside.join("target"), world.folder().join("torrent/a")).unwrap();
        symlink(&outside, world.folder().join("torrent/b/e")).unwrap();
        let target = world.download(overwrite);
        let (storage, existing) = world.try_open(&target, &world.all()).unwrap();
        assert_eq!(existing, Existing::default());
        for piece in world.pieces() {
            let reaches = world.meta.layout().piece_files(piece).any(|file| {
                file == FileIndex::new(0) || file == FileIndex::new(3) || file == FileIndex::new(4)
            });
            assert_eq!(
                world.write(&storage, piece).is_err(),
                reaches,
                "piece {piece}"
            );
        }
        storage.remove(true).unwrap();
        assert_eq!(fs::read(outside.join("target")).unwrap(), [1; 10]);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}

#[test]
fn removal_deletes_what_we_made_and_nothing_else() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    fs::write(world.folder().join("torrent/b/own"), b"kept").unwrap();
    storage.remove(true).unwrap();
    assert_eq!(
        fs::read(world.folder().join("torrent/b/own")).unwrap(),
        b"kept"
    );
    assert!(!world.path(0).exists());
    assert!(!world.folder().join("torrent/b/e").exists());
    assert_eq!(fs::read_dir(world.state()).unwrap().count(), 0);
}

#[test]
fn removal_of_a_whole_download_leaves_no_folder() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    let (storage, _) = world.open(&world.all());
    storage.remove(true).unwrap();
    assert!(!world.folder().exists());
}

#[test]
fn removal_without_files_forgets_only() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.remove(false).unwrap();
    world.assert_whole();
    assert_eq!(fs::read_dir(world.state()).unwrap().count(), 0);
}
