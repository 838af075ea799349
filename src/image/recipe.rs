//! A recipe: an image with every decision made and nothing packed. Its layers can be packed as often as needed, always
//! to the same bytes.

use super::base::Base;
use super::config::{EPOCH, History, ImageConfig};
use super::context::Context;
use super::layer::{self, LayerCache, LayerInfo, Nodes};
use super::manifest::{self, Descriptor, Manifest};
use crate::digest::{Digest, Hasher};
use crate::ports::files::{Entry, Files};
use crate::ports::images::Blobs;
use crate::ports::{Fault, Place, PortError};
use std::collections::BTreeMap;
use std::io::Write;

/// The annotation that names the manifest an image was made on top of.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// What an image's history says it was made by.
const BUILDER: &str = "lockgate";

/// An image with every decision made.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub(super) base: Option<Base>,
    /// The configuration without what comes from new layers.
    pub(super) config: ImageConfig,
    /// The instructions, each with the layer it makes.
    pub(super) steps: Vec<(String, Option<Nodes>)>,
    pub(super) inputs: Vec<Entry>,
    pub(super) notes: Vec<Note>,
}

/// Something a user should hear that is no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub message: String,
    /// Where in the Dockerfile.
    pub place: Option<Place>,
}

/// An image: its documents, and what is known of its new layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of the manifest, which names the image.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration.
    pub config: Vec<u8>,
    /// The new layers, the lowest first; those of the base are not among them.
    pub layers: Vec<LayerInfo>,
}

impl Recipe {
    /// The files that are really read: the Dockerfile, the ignore file and what is copied. Sorted by path.
    pub fn inputs(&self) -> &[Entry] {
        &self.inputs
    }

    /// What a user should hear.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The key of the image: everything that decides what it becomes, and nothing else. A comment in the Dockerfile or
    /// a file that is not copied is not in it.
    pub fn key(&self) -> Digest {
        let mut hasher = Hasher::new("image recipe");
        hasher.digest(self.base.as_ref().map(|base| base.digest).unwrap_or_default());
        hasher.field(json(&self.config).unwrap_or_default());
        for (text, nodes) in &self.steps {
            hasher.field(text);
            match nodes {
                Some(nodes) => hasher.digest(layer::key(nodes)),
                None => hasher.field(""),
            };
        }
        hasher.finish()
    }

    /// The exact image. Layers whose key the cache has are not packed; the others are, into nothing but their digest.
    pub fn plan(&self, context: &Context<'_>, cache: &dyn LayerCache) -> Result<Image, PortError> {
        let mut layers = Vec::new();
        for nodes in self.layers() {
            let key = layer::key(nodes);
            let info = match cache.get(key) {
                Some(info) => info,
                None => {
                    let info = layer::pack(nodes, context.files(), &mut std::io::sink())?;
                    cache.put(key, info.clone());
                    info
                }
            };
            layers.push(info);
        }
        self.image(layers)
    }

    /// The new layers of a planned image, to be packed again when they are pushed.
    pub fn blobs<'a>(&'a self, context: &'a Context<'_>, image: &'a Image) -> RecipeBlobs<'a> {
        let layers = image.layers.iter().zip(self.layers()).map(|(info, nodes)| (info.digest, (info, nodes))).collect();
        RecipeBlobs { files: context.files(), layers }
    }

    fn layers(&self) -> impl Iterator<Item = &Nodes> {
        self.steps.iter().filter_map(|(_, nodes)| nodes.as_ref())
    }

    /// The documents of the image with these new layers.
    fn image(&self, layers: Vec<LayerInfo>) -> Result<Image, PortError> {
        let mut config = self.config.clone();
        config.rootfs.diff_ids.extend(layers.iter().map(|layer| layer.diff_id));
        config.history.get_or_insert_default().extend(self.history());
        let config = json(&config)?;
        let mut descriptors = self.base_layers();
        let new = layers.iter().map(|layer| Descriptor::new(manifest::LAYER_GZIP, layer.digest, layer.size));
        descriptors.extend(new);
        let base = self.base.iter().map(|base| (BASE_DIGEST.to_string(), base.digest.to_string()));
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: Some(manifest::MANIFEST.to_string()),
            config: Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64),
            layers: descriptors,
            annotations: base.collect(),
        })?;
        Ok(Image { digest: Digest::of(&manifest), manifest, config, layers })
    }

    /// The base's layers, under the names that OCI has for them.
    fn base_layers(&self) -> Vec<Descriptor> {
        let layers = self.base.iter().flat_map(|base| &base.manifest.layers);
        let renamed = |layer: &Descriptor| {
            let media_type = manifest::oci_layer(&layer.media_type).to_string();
            Descriptor { media_type, ..layer.clone() }
        };
        layers.map(renamed).collect()
    }

    fn history(&self) -> impl Iterator<Item = History> {
        self.steps.iter().map(|(text, nodes)| History {
            created: Some(EPOCH.to_string()),
            created_by: Some(text.clone()),
            comment: Some(BUILDER.to_string()),
            empty_layer: nodes.is_none(),
            other: serde_json::Map::new(),
        })
    }
}

/// The new layers of an image, packed when they are asked for.
pub struct RecipeBlobs<'a> {
    files: &'a dyn Files,
    layers: BTreeMap<Digest, (&'a LayerInfo, &'a Nodes)>,
}

impl Blobs for RecipeBlobs<'_> {
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError> {
        let Some((planned, nodes)) = self.layers.get(&digest) else { return Ok(false) };
        let made = layer::pack(nodes, self.files, out)?;
        if made != **planned {
            let message =
                format!("a layer became {} and not {digest}, as planned: its files have changed", made.digest);
            return Err(PortError::new(Fault::Moved, message).help("plan again"));
        }
        Ok(true)
    }
}

/// A document as JSON. The order of fields is that of the types, so the same document is the same bytes.
fn json(document: &impl serde::Serialize) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(document)
        .map_err(|why| PortError::new(Fault::Invalid, format!("a document of the image cannot be written: {why}")))
}
