//! Resume data: after a clean end, after a crash, garbled.

use super::*;

fn notes_of(world: &World, extension: &str) -> PathBuf {
    let entries = fs::read_dir(world.state()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .unwrap()
}

#[test]
fn a_clean_end_is_trusted() {
    for format in FORMATS {
        let world = World::new(format, &FILES);
        let (storage, _) = world.open(&world.all());
        world.write_all(&storage);
        storage.close().unwrap();
        drop(storage);
        let (storage, existing) = world.open(&world.all());
        assert_eq!(existing.trusted, world.pieces());
        assert_eq!(existing.to_check, []);
        assert!(world.check(&storage, piece(1)));
    }
}

#[test]
fn what_is_noted_already_is_not_written_again() {
    let world = World::new(Format::V1, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    let noted = || fs::metadata(notes_of(&world, "resume")).unwrap().ino();
    let before = noted();
    for _ in 0..2 {
        let (storage, existing) = world.open(&world.all());
        assert_eq!(existing.trusted, world.pieces());
        storage.flush().unwrap();
        storage.close().unwrap();
        assert_eq!(noted(), before, "a new file was put in its place");
    }
}

#[test]
fn a_torrent_that_became_whole_keeps_no_journal() {
    let world = World::new(Format::V2, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.flush().unwrap();
    let mut left = fs::read_dir(world.state()).unwrap();
    assert!(left.all(|entry| entry.unwrap().path().extension().unwrap() != "journal"));
    drop(storage); // as in a crash
    let (_storage, existing) = world.open(&world.all());
    assert_eq!(existing.trusted, world.pieces());
}

#[test]
fn after_a_crash_flushed_pieces_are_trusted_and_only_written_ones_checked() {
    let world = World::single(Format::V1, 10 * PIECE as usize);
    let (storage, _) = world.open(&[true]);
    world.write(&storage, piece(2)).unwrap();
    storage.flush().unwrap();
    world.write(&storage, piece(7)).unwrap();
    drop(storage);
    let (storage, existing) = world.open(&[true]);
    assert_eq!(existing.trusted, [piece(2)]);
    assert!(existing.to_check.contains(&piece(7)));
    let file = fs::File::open(world.path(0)).unwrap();
    if crate::storage::sys::data_runs(&file).is_some_and(|runs| runs.len() > 1) {
        assert_eq!(existing.to_check, [piece(7)]);
    }
    world.write_all(&storage);
    storage.close().unwrap();
    world.assert_whole();
}

#[test]
fn a_second_crash_loses_nothing_of_the_first() {
    let world = World::single(Format::V1, 10 * PIECE as usize);
    for number in [1, 4, 9] {
        let (storage, _) = world.open(&[true]);
        world.write(&storage, piece(number)).unwrap();
        storage.flush().unwrap();
    }
    let (_storage, existing) = world.open(&[true]);
    assert_eq!(existing.trusted, [piece(1), piece(4), piece(9)]);
}

#[test]
fn garbled_resume_data_means_that_all_is_checked() {
    let world = World::single(Format::V1, 10 * PIECE as usize);
    let (storage, _) = world.open(&[true]);
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    let path = notes_of(&world, "resume");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (storage, existing) = world.open(&[true]);
    assert_eq!(existing.trusted, []);
    assert_eq!(existing.to_check, world.pieces());
    world.check_all(&storage, &existing);
}

#[test]
fn a_file_that_changed_between_sessions_is_checked() {
    let world = World::new(Format::V2, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    let mut content = world.contents[1].clone();
    content[0] ^= 1;
    fs::write(world.path(1), content).unwrap();
    touch(&world.path(1));
    let (storage, existing) = world.open(&world.all());
    assert_eq!(existing.to_check, [piece(1), piece(2), piece(3)]);
    assert!(!world.check(&storage, piece(1)));
    assert!(world.check(&storage, piece(2)));
}

#[test]
fn a_finished_file_that_was_edited_is_not_ours_any_more() {
    let world = World::new(Format::V2, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    let mut edited = world.contents[1].clone();
    edited.extend(b"and a line more");
    write_in_place(&world.path(1), &edited);
    let (storage, _) = world.open(&world.all());
    let error = world.write(&storage, piece(1)).unwrap_err();
    assert_eq!((error.operation, error.errno), ("write", Some(17)));
    storage.remove(true).unwrap();
    assert!(fs::read(world.path(1)).unwrap() == edited);
    assert!(!world.path(0).exists());
}

#[test]
fn an_unfinished_file_that_was_written_to_in_place_is_told_and_checked_again() {
    let world = World::single(Format::V1, 10 * PIECE as usize);
    let (storage, _) = world.open(&[true]);
    world.write(&storage, piece(0)).unwrap();
    let mut zeroed = fs::read(world.path(0)).unwrap();
    zeroed[..PIECE as usize].fill(0);
    write_in_place(&world.path(0), &zeroed);
    let told = world.write(&storage, piece(1)).unwrap_err();
    assert!(
        told.message.starts_with("file changed underneath"),
        "{told}"
    );
    storage
        .read(span(0, 0, 10), &mut [0; 10])
        .expect_err("is not served");
    storage.close().unwrap();
    drop(storage);
    let (storage, existing) = world.open(&[true]);
    assert_eq!(existing.trusted, []);
    assert_eq!(existing.to_check, world.pieces());
    assert!(!world.check(&storage, piece(0)));
    world.write_all(&storage);
    storage.close().unwrap();
    world.assert_whole();
}

#[test]
fn a_file_that_went_away_has_no_pieces() {
    let world = World::new(Format::V2, &FILES);
    let (storage, _) = world.open(&world.all());
    world.write_all(&storage);
    storage.close().unwrap();
    drop(storage);
    fs::remove_file(world.path(0)).unwrap();
    let (storage, existing) = world.open(&world.all());
    assert_eq!(existing.trusted, world.pieces()[1..]);
    assert_eq!(existing.to_check, []);
    world.write(&storage, piece(0)).unwrap();
    storage.close().unwrap();
    world.assert_whole();
}

#[test]
fn a_seed_is_hashed_once() {
    for format in FORMATS {
        let world = World::new(format, &FILES);
        world.lay_out(&world.folder());
        let seed = Target::Seed(world.folder().join("torrent"));
        let (storage, existing) = world.try_open(&seed, &world.all()).unwrap();
        assert_eq!(existing.to_check, world.pieces());
        world.check_all(&storage, &existing);
        storage.close().unwrap();
        drop(storage);
        let (_storage, existing) = world.try_open(&seed, &world.all()).unwrap();
        assert_eq!(existing.trusted, world.pieces());
    }
}

#[test]
fn without_a_state_folder_only_a_reopened_storage_knows_what_is_there() {
    let world = World::single(Format::V1, 4 * PIECE as usize);
    let open = || {
        Storage::open(
            Arc::clone(&world.meta),
            &world.download(false),
            &[true],
            None,
        )
        .unwrap()
    };
    let (storage, _) = open();
    world.write(&storage, piece(0)).unwrap();
    world.write(&storage, piece(3)).unwrap();
    let (storage, existing) = storage.reopen(&[true]).unwrap();
    assert_eq!(existing.trusted, [piece(0), piece(3)]);
    assert_eq!(existing.to_check, []);
    world.write(&storage, piece(1)).unwrap();
    drop(storage);
    let (storage, existing) = open();
    assert_eq!(existing.to_check.len(), 4); // somebody else's, as far as is known
    let error = world.write(&storage, piece(2)).unwrap_err();
    assert_eq!((error.operation, error.errno), ("write", Some(17)));
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let world = World::single(Format::V1, 100);
    fs::write(world.state(), b"a file").unwrap();
    let error = world.try_open(&world.download(false), &[true]).unwrap_err();
    assert_eq!(error.operation, "create");
    assert_eq!(error.path, world.state());
    assert!(error.errno.is_some());
}
