//! An engine that builds by a script: each image is another one, as those of real engines are.

use super::{Deed, Ledger, Power};
use crate::digest::Digest;
use crate::image::manifest::{self, Descriptor, Manifest};
use crate::ports::builder::{Builder, Built, Image, Order};
use crate::ports::images::Blobs;
use crate::ports::shell::Ticket;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

/// Builds of nobody: what an image has in it is its context, and a number.
pub struct FakeBuilder {
    ledger: Ledger,
    power: Power,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    faults: VecDeque<PortError>,
    /// What was made, by key: the engine has it still after a crash.
    made: BTreeMap<Digest, u64>,
    count: u64,
}

impl FakeBuilder {
    /// A builder that notes what it does.
    pub fn new(ledger: Ledger, power: Power) -> FakeBuilder {
        FakeBuilder { ledger, power, inner: Mutex::default() }
    }

    /// The next build fails like that.
    pub fn fail(&self, fault: PortError) {
        self.inner.lock().faults.push_back(fault);
    }
}

/// One layer.
struct Layer(Digest, Vec<u8>);

impl Blobs for Layer {
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError> {
        if digest != self.0 {
            return Ok(false);
        }
        out.write_all(&self.1).map_err(|e| PortError::new(Fault::Unavailable, e.to_string()))?;
        Ok(true)
    }
}

impl Builder for FakeBuilder {
    fn build(&self, order: &Order<'_>) -> Result<Built, PortError> {
        self.power.boundary()?;
        let built = |image| Built { image, log_len: 0, log_digest: Digest::of("") };
        let mut context = Vec::new();
        (order.context)(&mut context)?;
        let mut inner = self.inner.lock();
        if let Some(fault) = inner.faults.pop_front() {
            return Ok(built(Err(fault)));
        }
        let number = match inner.made.get(&order.key) {
            Some(number) => *number,
            None => {
                inner.count += 1;
                let number = inner.count;
                self.ledger.record(&self.power, Deed::Build, order.name, order.key.hex());
                inner.made.insert(order.key, number);
                number
            }
        };
        drop(inner);
        let layer = Layer(Digest::of(&context), context);
        let config = serde_json::json!({
            "architecture": order.platform.architecture, "os": order.platform.os, "created": format!("build {number}"),
            "config": {"Labels": order.labels}, "rootfs": {"type": "layers", "diff_ids": [layer.0]},
        });
        let config = config.to_string().into_bytes();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(manifest::MANIFEST.to_string()),
            config: Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64),
            layers: vec![Descriptor::new(manifest::LAYER, layer.0, layer.1.len() as u64)],
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest).map_err(|e| PortError::new(Fault::Invalid, e.to_string()))?;
        self.power.boundary()?;
        Ok(built(Ok(Image { manifest, config, blobs: Box::new(layer) })))
    }

    fn cancel(&self, _: Ticket) {}
}
