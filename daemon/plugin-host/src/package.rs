//! A package: the files of one version of a plugin, from a folder or from a `NAME-VERSION.attuned`,
//! and who signed them. Nothing of it runs here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use attuned_recommender::PluginId;

use crate::Grants;
use crate::error::PluginError;
use crate::limits::{COMPONENT_MIB, FIXTURES_MAX, MANIFEST_BYTES, PACKAGE_TEXT_BYTES};
use crate::manifest::Manifest;
use crate::setting::SettingSummary;
use crate::signature::{KEY_TEXT_BYTES_MAX, PublicKey, SecretKey, Signature};

mod archive;

/// The manifest's file.
pub(crate) const MANIFEST: &str = "plugin.toml";
/// The component's file, in every package.
pub(crate) const COMPONENT: &str = "rule.wasm";
const README: &str = "README.md";
const SIGNATURE: &str = "SIGNATURE";
/// The folder of fixtures, with the separator.
const TESTS: &str = "tests/";

/// Separates what is hashed here from anything else that is hashed.
const DIGEST_CONTEXT: &str = "attuned 2026-11 ranking plugin package, manifest 1";

/// One version of a plugin, read whole and checked as far as that goes without running it.
#[derive(Debug)]
pub struct Package {
    /// By name: `plugin.toml`, `rule.wasm`, `README.md` and `tests/*.toml`, without the signature.
    files: BTreeMap<String, Vec<u8>>,
    signature: Option<Signature>,
    manifest: Manifest,
}

/// What is known of a package's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It carries no signature.
    Unsigned,
    /// The owner of this key has signed exactly these files.
    SignedBy(PublicKey),
}

impl Package {
    /// Reads a `.attuned` file.
    ///
    /// # Errors
    ///
    /// [`PluginError::Unreadable`] if there is no such file, else [`PluginError::Refused`]: it is no
    /// package, or one that somebody has changed.
    pub fn read(file: &Path) -> Result<Package, PluginError> {
        let name = name_of(file);
        let unreadable = |source| PluginError::Unreadable {
            plugin: name.clone(),
            file: file.display().to_string(),
            source,
        };
        let opened = fs::File::open(file).map_err(unreadable)?;
        let files = archive::unpack(opened).map_err(|reason| PluginError::refused(&name, reason))?;
        Package::new(&name, files)
    }

    /// Reads the files of a package that lie in a folder; whatever else lies there is no part of it.
    ///
    /// # Errors
    ///
    /// As for [`Package::read`].
    pub fn read_folder(folder: &Path) -> Result<Package, PluginError> {
        let name = name_of(folder);
        let mut names: Vec<String> = [MANIFEST, COMPONENT, README, SIGNATURE].map(str::to_owned).into();
        if let Ok(entries) = fs::read_dir(folder.join(TESTS)) {
            let fixtures = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.extend(fixtures.map(|fixture| format!("{TESTS}{fixture}")).filter(|name| is_fixture(name)));
        }
        let mut files = BTreeMap::new();
        for file in names {
            let path = folder.join(&file);
            // A link could lead out of the folder, and what it leads to would be packed.
            match path.symlink_metadata() {
                Ok(found) if found.is_file() => {}
                Ok(_) => {
                    return Err(PluginError::refused(
                        &name,
                        format!("`{file}` is no plain file, expected one"),
                    ));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(PluginError::Unreadable { plugin: name, file, source }),
            }
            let bytes_max = bytes_max(&file).expect("only names that have a limit were listed");
            let bytes = crate::plugin::read(folder, &name, &file, bytes_max)?;
            files.insert(file, bytes);
        }
        Package::new(&name, files)
    }

    fn new(name: &str, mut files: BTreeMap<String, Vec<u8>>) -> Result<Package, PluginError> {
        let signature = files.remove(SIGNATURE);
        let Some(text) = files.get(MANIFEST) else {
            return Err(PluginError::refused(name, format!("has no `{MANIFEST}`, expected one")));
        };
        let manifest = Manifest::from_bytes(text).map_err(|reason| PluginError::refused(name, reason))?;
        let refuse = |reason: String| PluginError::refused(manifest.id.as_str(), reason);
        if manifest.wasm_file != COMPONENT {
            let file = &manifest.wasm_file;
            return Err(refuse(format!("plugin.wasm.file is {file:?}, expected {COMPONENT:?} in a package")));
        }
        let Some(wasm) = files.get(COMPONENT) else {
            return Err(refuse(format!("has no `{COMPONENT}`, expected the component")));
        };
        manifest.check_component(wasm).map_err(refuse)?;
        let fixtures = files.keys().filter(|name| name.starts_with(TESTS)).count();
        if fixtures > FIXTURES_MAX {
            return Err(refuse(format!("has {fixtures} fixtures, expected at most {FIXTURES_MAX}")));
        }
        let signature = signature
            .map(|text| {
                let text = String::from_utf8(text).map_err(|_| "is no text".to_owned());
                text.and_then(|text| text.parse()).map_err(|reason| refuse(format!("`{SIGNATURE}` {reason}")))
            })
            .transpose()?;
        Ok(Package { files, signature, manifest })
    }

    /// The plugin's id.
    #[must_use]
    pub fn id(&self) -> &PluginId {
        &self.manifest.id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// What its manifest asks for.
    #[must_use]
    pub fn asked(&self) -> Grants {
        self.manifest.asked
    }

    /// The names of the columns that it sees.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.manifest.projection.features.iter().map(String::as_str)
    }

    /// The names of the facets that it sees.
    pub fn facets(&self) -> impl Iterator<Item = &str> {
        self.manifest.projection.facets.iter().map(String::as_str)
    }

    /// Whether its manifest declares a setting.
    #[must_use]
    pub fn has_setting(&self, name: &str) -> bool {
        self.manifest.settings.contains_key(name)
    }

    /// The names of its fixtures, and their texts.
    pub fn fixtures(&self) -> impl Iterator<Item = (&str, String)> {
        let fixtures = self.files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(TESTS)?, bytes)));
        fixtures.map(|(name, bytes)| (name, String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The settings that its manifest declares.
    #[must_use]
    pub fn settings(&self) -> Vec<SettingSummary> {
        self.manifest.settings.iter().map(|(name, setting)| setting.summary(name)).collect()
    }

    /// What it does, in its author's words.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.manifest.summary
    }

    /// The hash of all files but the signature, by their names, as 64 hexadecimal digits. How they
    /// were packed does not enter.
    #[must_use]
    pub fn digest(&self) -> String {
        self.hash().to_hex().to_string()
    }

    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
        for (name, bytes) in &self.files {
            // Lengths go first, so that no two sets of files give the same bytes.
            for part in [name.as_bytes(), bytes] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
        }
        hasher.finalize()
    }

    /// Who made it.
    ///
    /// # Errors
    ///
    /// [`PluginError::Refused`] if the signature is not one of these files: somebody has changed
    /// them, and nobody should install them.
    pub fn origin(&self) -> Result<Origin, PluginError> {
        match &self.signature {
            None => Ok(Origin::Unsigned),
            Some(signature) if signature.holds(self.hash().as_bytes()) => {
                Ok(Origin::SignedBy(signature.signer))
            }
            Some(signature) => Err(PluginError::refused(
                self.manifest.id.as_str(),
                format!(
                    "the signature by {} does not fit the files: they are not those that were signed",
                    signature.signer
                ),
            )),
        }
    }

    /// Signs the files; a signature that was there is replaced.
    pub fn sign(&mut self, key: &SecretKey) {
        self.signature = Some(key.sign(self.hash().as_bytes()));
    }

    /// The name of its file: the last part of the id, and the version.
    #[must_use]
    pub fn file_name(&self) -> String {
        let id = self.manifest.id.as_str();
        format!("{}-{}.attuned", id.rsplit('.').next().unwrap_or(id), self.manifest.version)
    }

    /// The bytes of its file. The same files and signature give the same bytes.
    #[must_use]
    pub fn to_archive(&self) -> Vec<u8> {
        archive::pack(&self.all_files())
    }

    /// Writes the files into a new folder, and waits until they are on the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn write_folder(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        if self.files.keys().any(|name| name.starts_with(TESTS)) {
            fs::create_dir_all(folder.join(TESTS))?;
        }
        for (name, bytes) in self.all_files() {
            let mut file = fs::File::create_new(folder.join(name))?;
            std::io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()?;
        }
        if let Ok(tests) = fs::File::open(folder.join(TESTS)) {
            tests.sync_all()?;
        }
        fs::File::open(folder)?.sync_all()
    }

    fn all_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        if let Some(signature) = &self.signature {
            files.insert(SIGNATURE.to_owned(), format!("{signature}\n").into_bytes());
        }
        files
    }
}

/// The most bytes that a file of a package may have; `None` if no package has a file of that name.
fn bytes_max(name: &str) -> Option<u64> {
    match name {
        MANIFEST => Some(MANIFEST_BYTES),
        COMPONENT => Some(COMPONENT_MIB.max << 20),
        README => Some(PACKAGE_TEXT_BYTES),
        SIGNATURE => Some(KEY_TEXT_BYTES_MAX),
        name if is_fixture(name) => Some(PACKAGE_TEXT_BYTES),
        _ => None,
    }
}

/// Whether this is `tests/NAME.toml` with a plain name.
fn is_fixture(name: &str) -> bool {
    let stem = name.strip_prefix(TESTS).and_then(|name| name.strip_suffix(".toml"));
    stem.is_some_and(|stem| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !stem.is_empty() && stem.len() <= 64 && !stem.starts_with('.') && stem.bytes().all(plain)
    })
}

fn name_of(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}
