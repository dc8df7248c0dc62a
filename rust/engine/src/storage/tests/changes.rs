//! Files that others change under us, and paths that cannot be written.

use super::*;

fn open_seed(world: &World) -> Storage {
    world.lay_out(&world.folder());
    let seed = Target::Seed(world.path(0));
    let (storage, existing) = world.try_open(&seed, &[true]).unwrap();
    world.check_all(&storage, &existing);
    HANDLES.close_all(storage.id); // so that the next read looks at once
    storage
}

#[test]
fn a_seed_that_shrank_is_told() {
    let world = World::single(Format::V1, 100_000);
    let storage = open_seed(&world);
    let file = fs::File::options().write(true).open(world.path(0)).unwrap();
    file.set_len(50_000).unwrap();
    let mut out = vec![0; 16_384];
    let error = storage.read(span(2, 0, 16_384), &mut out).unwrap_err();
    assert_eq!((error.operation, error.path), ("read", world.path(0)));
    assert_eq!(
        error.message,
        "file changed underneath: size 100000 is now 50000"
    );
}

#[test]
fn a_seed_that_was_written_to_is_told() {
    let world = World::single(Format::V1, 100_000);
    let storage = open_seed(&world);
    touch(&world.path(0));
    let error = storage.read(span(0, 0, 10), &mut [0; 10]).unwrap_err();
    assert!(
        error
            .message
            .starts_with("file changed underneath: time of change"),
        "{error}"
    );
    // And again: it does not come back by itself.
    storage.read(span(0, 0, 10), &mut [0; 10]).unwrap_err();
}

#[test]
fn a_seed_that_was_replaced_or_deleted_is_told() {
    let world = World::single(Format::V1, 100_000);
    let storage = open_seed(&world);
    fs::remove_file(world.path(0)).unwrap();
    let error = storage.read(span(0, 0, 10), &mut [0; 10]).unwrap_err();
    assert_eq!(error.operation, "open");
    fs::write(world.path(0), &world.contents[0]).unwrap();
    let error = storage.read(span(0, 0, 10), &mut [0; 10]).unwrap_err();
    assert!(
        error.message.starts_with("file changed underneath"),
        "{error}"
    );
}

#[test]
fn our_own_writes_are_no_change() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    for piece in world.pieces() {
        world.write(&storage, piece).unwrap();
        HANDLES.close_all(storage.id);
        assert!(world.check(&storage, piece));
    }
    // A piece once more, into a whole file.
    world.write(&storage, piece(1)).unwrap();
    HANDLES.close_all(storage.id);
    assert!(world.check(&storage, piece(1)));
}

#[test]
fn a_download_is_seeded_only_as_long_as_nobody_changes_it() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    world.write_all(&storage);
    touch(&world.path(0));
    HANDLES.close_all(storage.id);
    let error = storage.read(span(0, 0, 10), &mut [0; 10]).unwrap_err();
    assert!(
        error.message.starts_with("file changed underneath"),
        "{error}"
    );
}

#[test]
fn seeds_are_never_written() {
    let world = World::single(Format::V1, 100_000);
    fs::create_dir(world.folder()).unwrap();
    fs::write(world.path(0), b"short").unwrap();
    let seed = Target::Seed(world.path(0));
    let (storage, existing) = world.try_open(&seed, &[true]).unwrap();
    assert_eq!(existing, Existing::default());
    let error = world.write(&storage, piece(0)).unwrap_err();
    assert_eq!(error.operation, "write");
    storage.remove(true).unwrap();
    assert_eq!(fs::read(world.path(0)).unwrap(), b"short");
}

#[test]
fn a_seed_that_is_not_there_is_an_error_and_a_missing_file_of_it_is_not() {
    let world = World::new(Format::V2, &FILES);
    let root = world.folder().join("torrent");
    let error = world
        .try_open(&Target::Seed(root.clone()), &world.all())
        .unwrap_err();
    assert_eq!((error.operation, error.path), ("open", root.clone()));
    world.lay_out(&world.folder());
    fs::remove_file(world.path(0)).unwrap();
    let (storage, existing) = world.try_open(&Target::Seed(root), &world.all()).unwrap();
    assert_eq!(existing.to_check, world.pieces()[1..]);
    world.check_all(&storage, &existing);
    let error = world.write(&storage, piece(0)).unwrap_err();
    assert_eq!(error.operation, "write");
    assert!(!world.path(0).exists());
}

#[test]
fn files_can_be_seeded_from_anywhere() {
    let world = World::new(Format::Hybrid, &[("a", 50_000), ("b", 10)]);
    let paths: Vec<PathBuf> = (0..2)
        .map(|n| world.dir.path().join(format!("x{n}")))
        .collect();
    for (path, content) in paths.iter().zip(&world.contents) {
        fs::write(path, content).unwrap();
    }
    let seed = Target::SeedFiles(paths);
    let (storage, existing) = world.try_open(&seed, &[true; 2]).unwrap();
    assert_eq!(existing.to_check, world.pieces());
    world.check_all(&storage, &existing);
    let few = Target::SeedFiles(vec![world.dir.path().join("x0")]);
    let error = world.try_open(&few, &[true; 2]).unwrap_err();
    assert!(error.message.contains("2 files, but 1 paths"), "{error}");
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let world = World::new(Format::V2, &FILES);
    let (storage, _) = world.open(&world.all());
    fs::remove_dir_all(world.folder().join("torrent/b")).unwrap();
    fs::write(world.folder().join("torrent/b"), b"a file").unwrap();
    let error = world.write(&storage, piece(1)).unwrap_err();
    assert_eq!((error.operation, error.path), ("create", world.path(1)));
    assert_eq!(error.errno, Some(20));
    // The rest goes on, and the next try finds what stands there then.
    world.write(&storage, piece(0)).unwrap();
    fs::remove_file(world.folder().join("torrent/b")).unwrap();
    world.write(&storage, piece(1)).unwrap();
    storage.flush().unwrap();
}

#[test]
fn after_a_file_vanished_the_torrent_can_be_opened_anew() {
    let world = World::single(Format::V1, 100_000);
    let (storage, _) = world.open(&[true]);
    world.write(&storage, piece(0)).unwrap();
    fs::remove_file(world.path(0)).unwrap();
    HANDLES.close_all(storage.id);
    assert!(world.write(&storage, piece(1)).is_err());
    let (storage, existing) = storage.reopen(&[true]).unwrap();
    assert_eq!(existing, Existing::default());
    world.write_all(&storage);
    storage.close().unwrap();
    world.assert_whole();
}
