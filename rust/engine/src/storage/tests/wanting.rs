//! Unwanted files, and the bytes that they share pieces with.

use super::*;

/// In v1 without pads: pieces 0, 2 and 3 are shared.
const EDGES: [(&str, usize); 3] = [("a", 20_000), ("b", 70_000), ("c", 40_000)];

#[test]
fn an_unwanted_file_is_not_created_and_its_edges_are_kept() {
    let world = World::new(Format::V1, &EDGES);
    let wanted = [false, true, false];
    let (storage, _) = world.open(&wanted);
    for number in 0..3 {
        world.write(&storage, piece(number)).unwrap();
        assert!(world.check(&storage, piece(number)));
    }
    storage.close().unwrap();
    assert!(fs::read(world.path(1)).unwrap() == world.contents[1]);
    assert!(!world.path(0).exists());
    assert!(!world.path(2).exists());
    drop(storage);
    let (storage, existing) = world.open(&wanted);
    assert_eq!(existing.trusted, [piece(0), piece(1), piece(2)]);
    assert!(world.check(&storage, piece(0)));
    assert!(world.check(&storage, piece(2)));
}

#[test]
fn a_file_that_becomes_wanted_gets_its_bytes() {
    let world = World::new(Format::V1, &EDGES);
    let (storage, _) = world.open(&[false, true, false]);
    for number in 0..3 {
        world.write(&storage, piece(number)).unwrap();
    }
    storage.set_wanted(&[true, true, true]).unwrap();
    assert!(fs::read(world.path(0)).unwrap() == world.contents[0]);
    assert!(world.check(&storage, piece(2)));
    world.write(&storage, piece(3)).unwrap();
    storage.close().unwrap();
    world.assert_whole();
    let parts = fs::read_dir(world.state()).unwrap();
    let left = parts.filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "parts")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_file_that_becomes_wanted_between_sessions_gets_its_bytes() {
    let world = World::new(Format::V1, &EDGES);
    let (storage, _) = world.open(&[false, true, false]);
    for number in 0..3 {
        world.write(&storage, piece(number)).unwrap();
    }
    storage.close().unwrap();
    drop(storage);
    let (storage, existing) = world.open(&world.all());
    assert_eq!(existing.trusted, [piece(0), piece(1), piece(2)]);
    assert!(fs::read(world.path(0)).unwrap() == world.contents[0]);
    world.write(&storage, piece(3)).unwrap();
    drop(storage);
    // After a crash, what moved is still believed.
    let (storage, existing) = world.open(&world.all());
    assert_eq!(existing.trusted, [piece(0), piece(1), piece(2)]);
    assert_eq!(existing.to_check, [piece(3)]);
    assert!(world.check(&storage, piece(3)));
}

#[test]
fn a_file_that_is_not_wanted_any_more_stays_where_it_is() {
    let world = World::new(Format::V1, &EDGES);
    let (storage, _) = world.open(&world.all());
    world.write(&storage, piece(0)).unwrap();
    storage.set_wanted(&[true, false, false]).unwrap();
    world.write(&storage, piece(2)).unwrap();
    assert!(world.path(1).exists());
    assert!(!world.path(2).exists());
    assert!(world.check(&storage, piece(2)));
    storage.close().unwrap();
    drop(storage);
    let (storage, existing) = world.open(&[true, false, false]);
    assert_eq!(existing.trusted, [piece(0), piece(2)]);
    assert!(world.check(&storage, piece(2)));
}

#[test]
fn wanting_a_file_whose_place_is_taken_is_refused() {
    let world = World::new(Format::V1, &EDGES);
    let (storage, _) = world.open(&[false, true, true]);
    world.write(&storage, piece(0)).unwrap();
    fs::write(world.path(0), b"theirs").unwrap();
    let error = storage.set_wanted(&world.all()).unwrap_err();
    assert_eq!((error.operation, error.errno), ("write", Some(17)));
    assert!(world.check(&storage, piece(0)));
    assert_eq!(fs::read(world.path(0)).unwrap(), b"theirs");
}

#[test]
fn an_unwanted_foreign_file_is_left_alone() {
    let world = World::new(Format::V1, &EDGES);
    fs::create_dir_all(world.folder().join("torrent")).unwrap();
    fs::write(world.path(0), b"theirs").unwrap();
    let (storage, _) = world.open(&[false, true, true]);
    world.write_all(&storage);
    assert!(world.check(&storage, piece(0)));
    storage.close().unwrap();
    assert_eq!(fs::read(world.path(0)).unwrap(), b"theirs");
}

#[test]
fn without_a_state_folder_the_parts_are_hidden_beside_the_torrent() {
    let world = World::new(Format::V1, &EDGES);
    let open = |wanted: &[bool]| {
        let target = world.download(false);
        Storage::open(Arc::clone(&world.meta), &target, wanted, None).unwrap()
    };
    let (storage, _) = open(&[true, false, false]);
    world.write(&storage, piece(0)).unwrap();
    storage.close().unwrap();
    drop(storage);
    assert!(!world.path(1).exists());
    let (storage, existing) = open(&[true, false, false]);
    assert_eq!(existing.to_check, [piece(0)]);
    world.check_all(&storage, &existing);
    storage.remove(false).unwrap();
    assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 1);
}

#[test]
fn empty_files_are_made_when_they_become_wanted() {
    let world = World::new(Format::V1, &FILES);
    let mut wanted = world.all();
    wanted[2] = false;
    let (storage, _) = world.open(&wanted);
    assert!(!world.path(2).exists());
    storage.set_wanted(&world.all()).unwrap();
    assert_eq!(fs::metadata(world.path(2)).unwrap().len(), 0);
}
