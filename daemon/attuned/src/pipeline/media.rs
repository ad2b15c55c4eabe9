//! Where media may come from: bytes within the limit, and files inside the configured folders.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::document::Rejection;

/// The folders that paths may lie in, and the size limit.
pub(super) struct MediaFolders {
    /// As configured, and with every link followed.
    folders: Vec<(PathBuf, PathBuf)>,
    bytes_max: u64,
}

impl MediaFolders {
    /// Folders that do not exist are passed over with a warning: they may be mounted later, after
    /// a restart.
    pub(super) fn new(folders: &[PathBuf], bytes_max: u64) -> Self {
        let real = |folder: &PathBuf| match folder.canonicalize() {
            Ok(real) => Some((folder.clone(), real)),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "media folder passed over");
                None
            }
        };
        Self { folders: folders.iter().filter_map(real).collect(), bytes_max }
    }

    /// Refuses what is over the limit.
    pub(super) fn check_size(&self, what: &str, bytes: u64) -> Result<(), Rejection> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        Err(Rejection::too_large(format!("{what} has {bytes} bytes, expected at most {}", self.bytes_max)))
    }

    /// The file that `path` names in the first folder that has it. Links are followed before the
    /// check, so that none leads out of the folders.
    pub(super) fn resolve(&self, what: &str, path: &str) -> Result<PathBuf, Rejection> {
        if self.folders.is_empty() {
            return Err(Rejection::invalid(format!(
                "{what} path `{path}` lies in no media folder, as media.folders is empty"
            )));
        }
        for (_, folder) in &self.folders {
            // An absolute path replaces the folder, and is held to lie inside it like any other.
            if let Ok(real) = folder.join(path).canonicalize()
                && self.folders.iter().any(|(_, folder)| real.starts_with(folder))
                && real.is_file()
            {
                return Ok(real);
            }
        }
        let folders: Vec<String> =
            self.folders.iter().map(|(configured, _)| configured.display().to_string()).collect();
        Err(Rejection::invalid(format!("{what} path `{path}` is no file in {}", folders.join(" or "))))
    }

    /// Reads a file that [`Self::resolve`] accepts.
    pub(super) fn read(&self, what: &str, path: &str) -> Result<Bytes, Rejection> {
        let file = self.resolve(what, path)?;
        let unreadable = |error: std::io::Error| {
            Rejection::invalid(format!("{what} path `{path}` cannot be read: {error}"))
        };
        self.check_size(what, size(&file).map_err(unreadable)?)?;
        let bytes = std::fs::read(&file).map_err(unreadable)?;
        self.check_size(what, bytes.len() as u64)?;
        Ok(Bytes::from(bytes))
    }
}

fn size(file: &Path) -> std::io::Result<u64> {
    Ok(std::fs::metadata(file)?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let root = tempfile::tempdir().expect("a folder");
        let media = root.path().join("media");
        std::fs::create_dir_all(media.join("posters")).expect("folders");
        std::fs::write(media.join("posters/a.jpg"), b"picture").expect("a file");
        std::fs::write(media.join("big.jpg"), vec![0_u8; 101]).expect("a file");
        std::fs::write(root.path().join("secret"), b"secret").expect("a file");
        std::os::unix::fs::symlink(root.path().join("secret"), media.join("link.jpg")).expect("a link");
        let got = match MediaFolders::new(std::slice::from_ref(&media), 100).read("item", path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(rejection) => rejection.to_string().replace(&media.display().to_string(), "MEDIA"),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn only_files_inside_the_folders_are_read() {
        check("posters/a.jpg", "picture");
        check("./posters/../posters/a.jpg", "picture");
        check("../secret", "item path `../secret` is no file in MEDIA");
        check("link.jpg", "item path `link.jpg` is no file in MEDIA");
        check("/etc/passwd", "item path `/etc/passwd` is no file in MEDIA");
        check("posters", "item path `posters` is no file in MEDIA");
        check("", "item path `` is no file in MEDIA");
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        check("big.jpg", "item has 101 bytes, expected at most 100");
    }

    #[test]
    fn without_folders_no_path_is_taken() {
        let rejection = MediaFolders::new(&[], 100).read("item", "a.jpg").expect_err("refused");
        assert_eq!(
            rejection.to_string(),
            "item path `a.jpg` lies in no media folder, as media.folders is empty"
        );
    }
}
