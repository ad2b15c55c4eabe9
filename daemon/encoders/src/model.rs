//! `model.toml`: what a model's folder says of itself, and whether its files are those it means.
//!
//! Owns the layout of `model.toml` (version [`FORMAT`]). It knows files and hashes; what is in the
//! files is checked by those who read them.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use attuned_recommender::Modality;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{ModelError, one_line};

/// The version of the layout that is read.
const FORMAT: u32 = 1;

/// Largest `model.toml` in bytes.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// Largest file of a model in bytes: it is read into memory as a whole.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// A model's folder, of which `model.toml` was read and understood.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub folder: PathBuf,
    pub modality: Modality,
    pub document: Document,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub format: u32,
    pub name: String,
    pub version: String,
    pub modality: String,
    pub dim: usize,
    pub licence: String,
    #[serde(rename = "source")]
    _source: Source,
    pub file: Vec<FileEntry>,
    pub network: NetworkEntry,
    pub text: Option<TextEntry>,
    pub image: Option<ImageEntry>,
    pub audio: Option<AudioEntry>,
    pub bridge: Option<BridgeEntry>,
    pub semantic: Option<SemanticEntry>,
}

/// Where the model comes from: for people, required so that no model is without it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(rename = "package")]
    _package: String,
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "script")]
    _script: String,
    #[serde(rename = "url")]
    _url: Option<String>,
    #[serde(rename = "sha256")]
    _sha256: Option<String>,
    #[serde(rename = "citation")]
    _citation: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkEntry {
    pub file: String,
    pub input: Vec<InputEntry>,
    pub output: Vec<OutputEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputEntry {
    pub name: String,
    #[serde(rename = "type")]
    pub datum: DatumEntry,
    pub shape: Vec<DimEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputEntry {
    pub name: String,
    pub role: RoleEntry,
    pub shape: Vec<DimEntry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DatumEntry {
    F32,
    I64,
}

/// What an output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleEntry {
    /// The content in the model's own space.
    Embedding,
    /// One number a label; softmax makes them probabilities that add up to 1.
    Logits,
    /// One probability a label, each for itself.
    Probabilities,
}

/// One dimension of a shape: so many values, or a named number that is known when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum DimEntry {
    Values(usize),
    Symbol(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextEntry {
    pub tokenizer: String,
    pub tokens_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageEntry {
    pub resize_shorter_side: u32,
    pub crop: u32,
    #[serde(rename = "filter")]
    pub _filter: FilterEntry,
    pub scale: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FilterEntry {
    /// The cubic of a = -0.5 with antialiasing, as PIL has it.
    Bicubic,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudioEntry {
    pub sample_rate_hz: u32,
    pub n_fft: usize,
    pub hop: usize,
    pub mels: usize,
    #[serde(rename = "mel_scale")]
    pub _mel_scale: MelScaleEntry,
    pub f_min_hz: f32,
    pub f_max_hz: f32,
    #[serde(rename = "window")]
    pub _window: WindowEntry,
    pub center: bool,
    pub pad: PadEntry,
    pub power: f32,
    #[serde(rename = "compression")]
    pub _compression: CompressionEntry,
    pub patch_frames: usize,
    pub patch_hop_frames: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MelScaleEntry {
    Slaney,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WindowEntry {
    Hann,
}

/// What stands before the first and after the last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PadEntry {
    Constant,
    Reflect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum CompressionEntry {
    #[serde(rename = "log10(10000x+1)")]
    Log10,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BridgeEntry {
    pub labels: String,
    pub temperature: f32,
    pub top: usize,
    pub label_vectors: String,
    #[serde(rename = "label_prompt")]
    _label_prompt: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SemanticEntry {
    pub mean: Option<String>,
}

impl Model {
    /// Reads `folder/model.toml` and checks that the files it lists are there, in their size.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`]: set the model aside; the others work on.
    pub fn open(folder: &Path) -> Result<Model, ModelError> {
        let model =
            read(folder).map_err(|reason| ModelError::Refused { model: folder_name(folder), reason })?;
        model.check_sizes()?;
        Ok(model)
    }

    /// Name and version as in `Encoding.model`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.document.name, self.document.version)
    }

    /// Size of all its files.
    pub fn bytes(&self) -> u64 {
        self.document.file.iter().map(|file| file.bytes).sum()
    }

    /// An error of this model.
    pub fn refused(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Refused { model: self.document.name.clone(), reason: one_line(&reason.into()) }
    }

    /// Compares the hash of every file with the one in `model.toml`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] names the file and both hashes.
    pub fn check_hashes(&self) -> Result<(), ModelError> {
        self.document.file.iter().try_for_each(|entry| self.read_entry(entry, drop))
    }

    /// The content of a listed file. Its hash is checked again, so that what is used is what was
    /// meant even if the file changed since.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the file is not listed, not readable, or another one.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, ModelError> {
        let entry = self.document.file.iter().find(|entry| entry.path == path).ok_or_else(|| {
            self.refused(format!("model.toml: `{path}` is used, expected a [[file]] entry for it"))
        })?;
        let mut content = Vec::new();
        self.read_entry(entry, |bytes| content = bytes)?;
        Ok(content)
    }

    fn read_entry(&self, entry: &FileEntry, take: impl FnOnce(Vec<u8>)) -> Result<(), ModelError> {
        let bytes = fs::read(self.folder.join(&entry.path))
            .map_err(|error| self.refused(format!("file `{}`: {error}", entry.path)))?;
        let found = hex(&Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(&entry.sha256) {
            return Err(self.refused(format!(
                "file `{}` has sha256 {found}, expected {} as model.toml says",
                entry.path, entry.sha256
            )));
        }
        take(bytes);
        Ok(())
    }

    fn check_sizes(&self) -> Result<(), ModelError> {
        for entry in &self.document.file {
            let found = fs::metadata(self.folder.join(&entry.path))
                .map_err(|error| self.refused(format!("file `{}`: {error}", entry.path)))?
                .len();
            if found != entry.bytes || found > FILE_BYTES_MAX {
                return Err(self.refused(format!(
                    "file `{}` has {found} bytes, expected {} as model.toml says, and at most {FILE_BYTES_MAX}",
                    entry.path, entry.bytes
                )));
            }
        }
        Ok(())
    }
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn read(folder: &Path) -> Result<Model, String> {
    let path = folder.join("model.toml");
    let mut text = String::new();
    fs::File::open(&path)
        .and_then(|file| file.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| format!("model.toml: {error}"))?;
    let document: Document = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("model.toml, line {line}: {}", one_line(error.message()))
    })?;
    check(&document, &folder_name(folder)).map_err(|reason| format!("model.toml: {reason}"))?;
    let modality = modality(&document)?;
    Ok(Model { folder: folder.to_owned(), modality, document })
}

/// Which modality it is, and that exactly the section of that modality is there.
fn modality(document: &Document) -> Result<Modality, String> {
    let found = Modality::from_name(&document.modality);
    let sections = [document.text.is_some(), document.image.is_some(), document.audio.is_some()];
    let (modality, expected) = match found {
        Some(modality @ Modality::Text) => (modality, [true, false, false]),
        Some(modality @ Modality::Image) => (modality, [false, true, false]),
        Some(modality @ Modality::Audio) => (modality, [false, false, true]),
        Some(Modality::Video) | None => {
            return Err(format!(
                "model.toml: modality is `{}`, expected text, image or audio",
                document.modality
            ));
        }
    };
    if sections != expected {
        return Err(format!(
            "model.toml: a model of {0} has the section [{0}] and no other of [text], [image] and [audio]",
            modality.name()
        ));
    }
    if (modality == Modality::Text) == document.bridge.is_some() {
        return Err(
            "model.toml: models of image and audio have a section [bridge], those of text none".to_owned()
        );
    }
    if modality != Modality::Text && document.semantic.is_some() {
        return Err("model.toml: section [semantic] belongs to models of text only".to_owned());
    }
    Ok(modality)
}

fn check(document: &Document, folder: &str) -> Result<(), String> {
    let expect = |holds: bool, reason: String| if holds { Ok(()) } else { Err(reason) };
    expect(document.format == FORMAT, format!("format is {}, expected {FORMAT}", document.format))?;
    expect(
        document.name == folder,
        format!("name is `{}`, expected the folder's name `{folder}`", document.name),
    )?;
    expect(
        !document.version.is_empty() && !document.version.contains('@'),
        format!("version is `{}`, expected a word without @", document.version),
    )?;
    expect(!document.licence.is_empty(), "licence is empty, expected an SPDX expression".to_owned())?;
    for file in &document.file {
        expect(
            is_confined(&file.path),
            format!("file path is `{}`, expected one inside the model's folder", file.path),
        )?;
        expect(
            file.sha256.len() == 64 && file.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
            format!("sha256 of `{}` is `{}`, expected 64 hexadecimal digits", file.path, file.sha256),
        )?;
    }
    if let Some(image) = &document.image {
        expect(
            (1..=4096).contains(&image.crop) && (image.crop..=4096).contains(&image.resize_shorter_side),
            format!(
                "crop is {} and resize_shorter_side {}, expected 1 <= crop <= resize_shorter_side <= 4096",
                image.crop, image.resize_shorter_side
            ),
        )?;
        expect(
            image.std.iter().all(|std| *std > 0.0),
            format!("std is {:?}, expected numbers above 0", image.std),
        )?;
    }
    if let Some(audio) = &document.audio {
        check_audio(audio)?;
    }
    if let Some(text) = &document.text {
        expect(
            (3..=8192).contains(&text.tokens_max),
            format!("tokens_max is {}, expected 3 to 8192", text.tokens_max),
        )?;
    }
    if let Some(bridge) = &document.bridge {
        expect(bridge.temperature > 0.0, format!("temperature is {}, expected above 0", bridge.temperature))?;
        expect(bridge.top > 0, format!("top is {}, expected at least 1", bridge.top))?;
    }
    Ok(())
}

fn check_audio(audio: &AudioEntry) -> Result<(), String> {
    let nyquist = audio.sample_rate_hz as f32 / 2.0;
    let checks = [
        ("sample_rate_hz", (8_000..=48_000).contains(&audio.sample_rate_hz), "8000 to 48000"),
        (
            "n_fft",
            audio.n_fft.is_power_of_two() && (64..=8192).contains(&audio.n_fft),
            "a power of 2 in 64 to 8192",
        ),
        ("hop", (1..=audio.n_fft).contains(&audio.hop), "1 to n_fft"),
        ("mels", (1..=512).contains(&audio.mels), "1 to 512"),
        ("f_min_hz", (0.0..audio.f_max_hz).contains(&audio.f_min_hz), "0 up to below f_max_hz"),
        ("f_max_hz", audio.f_max_hz <= nyquist, "at most half the sample rate"),
        ("power", audio.power == 2.0 || audio.power == 1.0, "1 or 2"),
        ("patch_frames", (1..=100_000).contains(&audio.patch_frames), "1 to 100000"),
        ("patch_hop_frames", (1..=100_000).contains(&audio.patch_hop_frames), "1 to 100000"),
    ];
    match checks.iter().find(|(_, holds, _)| !holds) {
        Some((field, _, expected)) => Err(format!("{field} of [audio] is out of range, expected {expected}")),
        None => Ok(()),
    }
}

/// Whether a relative path stays inside its folder.
fn is_confined(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = r#"
format = 1
name = "eyes"
version = "2"
modality = "image"
dim = 4
licence = "MIT"
[source]
package = "p"
version = "1"
script = "s.py"
[[file]]
path = "model.onnx"
sha256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
bytes = 3
[network]
file = "model.onnx"
[[network.input]]
name = "image"
type = "f32"
shape = [1, 3, 8, 8]
[[network.output]]
name = "features"
role = "embedding"
shape = [1, "dim"]
[image]
resize_shorter_side = 10
crop = 8
filter = "bicubic"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[bridge]
labels = "labels.txt"
temperature = 2.0
top = 50
label_vectors = "vectors.f16"
"#;

    /// Opens a folder `eyes` with this `model.toml` and a `model.onnx` that holds `content`.
    fn open(toml: &str, content: &str) -> Result<Model, ModelError> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("eyes");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("model.toml"), toml).expect("written");
        fs::write(folder.join("model.onnx"), content).expect("written");
        let model = Model::open(&folder)?;
        model.check_hashes()?;
        Ok(model)
    }

    #[track_caller]
    fn check(find: &str, replace: &str, expected: &str) {
        let toml = IMAGE.replacen(find, replace, 1);
        assert_ne!(toml, IMAGE, "`{find}` is not in the sample");
        assert_eq!(open(&toml, "foo").expect_err("refused").to_string(), format!("model `eyes`: {expected}"));
    }

    #[test]
    fn a_model_is_named_with_its_version() {
        let model = open(IMAGE, "foo").expect("opens");
        assert_eq!((model.id().as_str(), model.modality, model.bytes()), ("eyes@2", Modality::Image, 3));
    }

    #[test]
    fn a_wrong_model_toml_is_refused_by_one_sentence() {
        check(
            "dim = 4",
            "dims = 4",
            "model.toml, line 6: unknown field `dims`, expected one of `format`, `name`, `version`, `modality`, `dim`, `licence`, `source`, `file`, `network`, `text`, `image`, `audio`, `bridge`, `semantic`",
        );
        check("dim = 4", "dim = \"4\"", "model.toml, line 6: invalid type: string \"4\", expected usize");
        check("format = 1", "format = 2", "model.toml: format is 2, expected 1");
        check("\"eyes\"", "\"ears\"", "model.toml: name is `ears`, expected the folder's name `eyes`");
        check("\"image\"", "\"video\"", "model.toml: modality is `video`, expected text, image or audio");
        check(
            "\"image\"",
            "\"audio\"",
            "model.toml: a model of audio has the section [audio] and no other of [text], [image] and [audio]",
        );
        check(
            "path = \"model.onnx\"",
            "path = \"../model.onnx\"",
            "model.toml: file path is `../model.onnx`, expected one inside the model's folder",
        );
        check(
            "crop = 8",
            "crop = 11",
            "model.toml: crop is 11 and resize_shorter_side 10, expected 1 <= crop <= resize_shorter_side <= 4096",
        );
        check("temperature = 2.0", "temperature = 0.0", "model.toml: temperature is 0, expected above 0");
        check(
            "2c26",
            "zz26",
            "model.toml: sha256 of `model.onnx` is `zz26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae`, expected 64 hexadecimal digits",
        );
    }

    #[test]
    fn a_file_that_is_another_is_refused_by_one_sentence() {
        let refusal = |content| open(IMAGE, content).expect_err("refused").to_string();
        assert_eq!(
            refusal("longer"),
            "model `eyes`: file `model.onnx` has 6 bytes, expected 3 as model.toml says, and at most 2147483648"
        );
        assert_eq!(
            refusal("bar"),
            "model `eyes`: file `model.onnx` has sha256 fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9, expected 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae as model.toml says"
        );
        let listed = IMAGE.replacen("path = \"model.onnx\"", "path = \"weights.bin\"", 1);
        let missing = open(&listed, "foo").expect_err("refused").to_string();
        assert!(missing.starts_with("model `eyes`: file `weights.bin`: "), "{missing}");
    }

    #[test]
    fn a_file_that_is_not_listed_is_not_read() {
        // The temporary folder is gone by now, so the refusal comes from the list alone.
        let error = open(IMAGE, "foo").expect("opens").file("labels.txt").expect_err("refused").to_string();
        assert_eq!(error, "model `eyes`: model.toml: `labels.txt` is used, expected a [[file]] entry for it");
    }
}
