//! Whether the store's folder can be used, and how much room is left.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::cli::input_reason;
use crate::doctor::Check;

/// Below this many bytes the daemon will soon be unable to take events.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// Below this many bytes it is time to make room.
const FREE_BYTES_COMFORTABLE: u64 = 1 << 30;

/// The file that whoever has the store open keeps locked.
const LOCK_FILE: &str = "lock";

/// Looks at the store's folder, without opening the store: opening mends what is damaged, which is
/// the daemon's to do, and files of another user would lock the daemon out.
pub fn examine_store(path: &Path, daemon_answers: bool) -> Check {
    const NAME: &str = "store";
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) if !found.is_dir() => {
            return Check::fail(NAME, format!("store.path {shown} is no folder"), "name a folder");
        }
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return examine_absent(NAME, path),
        Err(error) => {
            let finding = format!("store.path {shown} cannot be looked at: {}", input_reason(&error));
            return Check::warn(NAME, finding, "run this as the daemon's user, or as root");
        }
    };
    if daemon_answers {
        return Check::ok(NAME, format!("{shown} is open in the daemon"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        let finding = format!("{shown} belongs to user {}, so it was not looked into", found.uid());
        return Check::warn(NAME, finding, "run this as that user to have it checked");
    }
    if let Err(error) = writable(path) {
        let finding = format!("{shown} cannot be written: {}", input_reason(&error));
        return Check::fail(NAME, finding, "give it to the daemon's user");
    }
    opens(NAME, path)
}

fn examine_absent(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    let Some(parent) = nearest(path) else {
        return Check::fail(name, format!("store.path {shown} is nowhere"), "name a folder");
    };
    match writable(parent) {
        Ok(()) => Check::ok(name, format!("{shown} will be made at the first start")),
        Err(_) => Check::warn(
            name,
            format!("{shown} is not there, and this user cannot make it in {}", parent.display()),
            "let the service make it (StateDirectory=attuned), or make it for the daemon's user",
        ),
    }
}

/// The folder itself, or the nearest one above it that exists.
fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors()
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .find(|folder| folder.is_dir())
}

fn writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
}

fn opens(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    let locked = match fs::File::open(path.join(LOCK_FILE)) {
        Ok(lock) => matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)),
        Err(_) => false,
    };
    if locked {
        let advice = "end that process, or see why its socket does not answer";
        return Check::fail(name, format!("{shown} is in use by a process that does not answer"), advice);
    }
    Check::ok(name, format!("{shown} can be written and is free"))
}

/// Looks at the room that is left where the store is.
pub fn examine_disk(path: &Path) -> Check {
    const NAME: &str = "disk";
    let Some(folder) = nearest(path) else {
        return Check::warn(NAME, format!("{} is nowhere", path.display()), "name a folder");
    };
    match rustix::fs::statvfs(folder) {
        Ok(found) => judge_room(found.f_bavail.saturating_mul(found.f_frsize), folder),
        Err(error) => {
            let finding = format!("the room in {} is not known: {error}", folder.display());
            Check::warn(NAME, finding, "look at it with `df`")
        }
    }
}

fn judge_room(free_bytes: u64, folder: &Path) -> Check {
    const NAME: &str = "disk";
    let finding = format!("{} free in {}", megabytes(free_bytes), folder.display());
    if free_bytes < FREE_BYTES_MIN {
        Check::fail(NAME, finding, format!("make room, at least {}", megabytes(FREE_BYTES_MIN)))
    } else if free_bytes < FREE_BYTES_COMFORTABLE {
        Check::warn(NAME, finding, format!("make room, better {}", megabytes(FREE_BYTES_COMFORTABLE)))
    } else {
        Check::ok(NAME, finding)
    }
}

/// Bytes in MB or GB, for people.
pub fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 1000.0 { format!("{megabytes:.0} MB") } else { format!("{:.1} GB", megabytes / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn little_room_warns_and_hardly_any_fails() {
        let check = |free_bytes, expected| {
            assert_eq!(judge_room(free_bytes, Path::new("/")).outcome, expected, "{free_bytes}");
        };
        check(FREE_BYTES_MIN - 1, Outcome::Fail);
        check(FREE_BYTES_MIN, Outcome::Warn);
        check(FREE_BYTES_COMFORTABLE, Outcome::Ok);
    }

    #[test]
    fn a_store_is_fine_if_it_is_free_or_not_there_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = examine_store(&folder.path().join("a/b"), false);
        assert_eq!(check.outcome, Outcome::Ok, "{check:?}");
        let store = folder.path().join("store");
        fs::create_dir(&store).expect("made");
        assert_eq!(examine_store(&store, false).outcome, Outcome::Ok);
        let lock = fs::File::create(store.join(LOCK_FILE)).expect("made");
        lock.lock().expect("locked");
        assert_eq!(examine_store(&store, false).outcome, Outcome::Fail);
        assert_eq!(examine_store(&store, true).outcome, Outcome::Ok);
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        assert_eq!(examine_store(&file, false).outcome, Outcome::Fail);
    }
}
