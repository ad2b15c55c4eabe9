//! Where files that come with the program lie, and where those of the system do.

use std::ffi::OsString;
use std::path::PathBuf;

/// The folders in which programs are looked for, as a list in the form of `PATH`.
#[must_use]
pub fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"))
}

/// The folder `name` (models, plugins, demo) that came with this program.
///
/// Looked for in `share/attuned/` beside the program's `bin/` (an installed package), then in the
/// folders above the program (a source tree that it was built in; there the demo lies in
/// `daemon/attuned/demo`), else `/usr/share/attuned/<name>`, whether or not that exists.
#[must_use]
pub fn shared_folder(name: &str) -> PathBuf {
    let installed = PathBuf::from("/usr/share/attuned").join(name);
    let Ok(program) = std::env::current_exe().and_then(|path| path.canonicalize()) else {
        return installed;
    };
    let packaged = program.ancestors().nth(2).map(|prefix| prefix.join("share/attuned").join(name));
    if let Some(packaged) = packaged.filter(|path| path.is_dir()) {
        return packaged;
    }
    program
        .ancestors()
        .skip(1)
        .filter(|folder| folder.join("daemon/attuned/Cargo.toml").is_file())
        .flat_map(|tree| [tree.join("daemon/attuned").join(name), tree.join(name)])
        .find(|path| path.is_dir())
        .unwrap_or(installed)
}
