//! `barkbird embed`: what a model makes of clips, as `embedding/1` shards.

use crate::cli::{EmbedArgs, Global};
use crate::device;
use crate::embeddings::{Source, write_embeddings};
use crate::model::Loaded;
use crate::ui::Ui;
use anyhow::Result;
use shard::{Clips, Provenance};
use std::collections::BTreeMap;

pub(crate) fn run(args: &EmbedArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let index = shard::read_index(&args.features)?;
    loaded.check_front_end(&index.front_end, &args.features)?;
    let clips = Clips::open(&args.features)?;
    let provenance = Provenance {
        stage: "embed".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({"architecture": loaded.header.architecture, "classes": loaded.header.classes}),
        seed: global.seed(),
        inputs: BTreeMap::from([
            ("features".to_owned(), shard::sha256_hex(&index.to_bytes()?)),
            ("model".to_owned(), loaded.sha256.clone()),
        ]),
    };
    let source = Source { clips: &clips, normalization: &loaded.header.normalization, device: &device };
    let rows: Vec<usize> = (0..clips.n_clips()).collect();
    let index = write_embeddings(&*loaded.classifier, source, &rows, &args.out, provenance, ui)?;
    ui.say(format!(
        "{} clips, {} values each: {}",
        index.n_clips,
        loaded.classifier.embedding_dim(),
        args.out.display()
    ));
    ui.result(&index)
}
