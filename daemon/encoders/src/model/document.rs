//! The whole of `model.toml`, and what must hold between its parts.

use std::path::{Component, Path};

use attuned_recommender::Modality;
use serde::Deserialize;

use super::expect;
use crate::model::{
    AudioEntry, BridgeEntry, FusionEntry, ImageEntry, NetworkEntry, RoleEntry, SemanticEntry, TextEntry,
    VideoEntry,
};
use crate::purpose::Purpose;

/// The version of the layout that is read.
const FORMAT: u32 = 1;

/// The shared space of models that name none: that of the texts' model that comes with Attuned.
pub(crate) const SPACE_DEFAULT: &str = "minilm-l6-v2@1";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub format: u32,
    pub name: String,
    pub version: String,
    pub modality: String,
    pub dim: usize,
    pub licence: String,
    /// Not used unless a person asks for it, or nothing else is there for its purpose.
    #[serde(default)]
    pub optional: bool,
    /// Which shared space its semantic vectors lie in.
    pub space: Option<String>,
    #[serde(rename = "source")]
    _source: Source,
    pub file: Vec<FileEntry>,
    pub network: NetworkEntry,
    pub text: Option<TextEntry>,
    pub image: Option<ImageEntry>,
    pub audio: Option<AudioEntry>,
    pub video: Option<VideoEntry>,
    pub fusion: Option<FusionEntry>,
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

impl Document {
    /// Name and version as in `Encoding.model`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// The shared space that its semantic vectors lie in. A model of texts makes one of its own
    /// unless it says that it maps into another's.
    pub fn space(&self) -> String {
        match &self.space {
            Some(space) => space.clone(),
            None if self.modality == Modality::Text.name() => self.id(),
            None => SPACE_DEFAULT.to_owned(),
        }
    }

    /// What it is for, if everything fits together.
    ///
    /// # Errors
    ///
    /// One sentence: the field, its value, and what was expected.
    pub fn check(&self, folder: &str) -> Result<Purpose, String> {
        expect(self.format == FORMAT, || format!("format is {}, expected {FORMAT}", self.format))?;
        expect(!self.version.is_empty() && !self.version.contains('@'), || {
            format!("version is `{}`, expected a word without @", self.version)
        })?;
        expect(self.name == folder || self.id() == folder, || {
            format!("name is `{}`, expected the folder's name `{folder}`", self.name)
        })?;
        expect(!self.licence.is_empty(), || "licence is empty, expected an SPDX expression".to_owned())?;
        for file in &self.file {
            file.check()?;
        }
        if let Some(image) = &self.image {
            image.check()?;
        }
        if let Some(audio) = &self.audio {
            audio.check()?;
        }
        if let Some(text) = &self.text {
            text.check()?;
        }
        if let Some(video) = &self.video {
            video.check()?;
        }
        if let Some(bridge) = &self.bridge {
            bridge.check()?;
        }
        self.purpose()
    }

    /// What it is for, and that exactly the sections of that are there.
    fn purpose(&self) -> Result<Purpose, String> {
        let Some(purpose) = Purpose::from_name(&self.modality) else {
            return Err(format!(
                "modality is `{}`, expected text, image, audio, video or fusion",
                self.modality
            ));
        };
        let sections = [
            (Purpose::Encoder(Modality::Text), self.text.is_some()),
            (Purpose::Encoder(Modality::Image), self.image.is_some()),
            (Purpose::Encoder(Modality::Audio), self.audio.is_some()),
            (Purpose::Encoder(Modality::Video), self.video.is_some()),
            (Purpose::Fusion, self.fusion.is_some()),
        ];
        expect(sections.iter().all(|(of, there)| *there == (*of == purpose)), || {
            format!(
                "a model of {0} has the section [{0}] and no other of [text], [image], [audio], [video] and [fusion]",
                purpose.name()
            )
        })?;
        let gives_semantic = self.network.output_at(RoleEntry::Semantic).is_some();
        match purpose {
            Purpose::Encoder(Modality::Image | Modality::Audio) => {
                let bridged = self.bridge.as_ref().is_some_and(|bridge| bridge.label_vectors.is_some());
                expect(bridged || gives_semantic, || {
                    format!(
                        "a model of {} has a section [bridge] with label_vectors or an output of role semantic",
                        purpose.name()
                    )
                })?;
            }
            Purpose::Encoder(Modality::Text) | Purpose::Fusion => {
                expect(self.bridge.is_none(), || {
                    format!("section [bridge] is of no use to a model of {}", purpose.name())
                })?;
            }
            Purpose::Encoder(Modality::Video) => {}
        }
        expect(purpose == Purpose::Encoder(Modality::Text) || self.semantic.is_none(), || {
            "section [semantic] belongs to models of text only".to_owned()
        })?;
        Ok(purpose)
    }
}

impl FileEntry {
    fn check(&self) -> Result<(), String> {
        expect(is_confined(&self.path), || {
            format!("file path is `{}`, expected one inside the model's folder", self.path)
        })?;
        expect(self.sha256.len() == 64 && self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), || {
            format!("sha256 of `{}` is `{}`, expected 64 hexadecimal digits", self.path, self.sha256)
        })
    }
}

/// Whether a relative path stays inside its folder.
fn is_confined(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
