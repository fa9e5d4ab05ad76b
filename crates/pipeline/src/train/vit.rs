//! A Vision Transformer from a checkpoint.

use super::auto;
use super::kept::{Maker, fingerprint};
use super::pretrained::Body;
use super::session::Session;
use crate::embeddings::Source;
use crate::error::{Context, Result, bail};
use crate::named::Named;
use crate::pretrained::{OwnNetwork, model_file};
use crate::strategy::{Strategy, View, VitSettings};
use classifier::{Mode, Parameters};
use models_vit::{Checkpoint, Top, Trained, Vit, VitConfig};
use serde_json::json;
use train::Outcome;

/// The checkpoint that is taken where none is named: a small one that runs on a laptop.
pub(super) const DEFAULT: &str = "facebook/dinov2-small";

/// A Vision Transformer from a checkpoint.
pub(super) fn train(session: &mut Session<'_>) -> Result<Outcome> {
    session.check_out()?;
    let name = session.config.finetune.pretrained.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let (folder, commit) = session.locate(&name)?;
    let start = match model_file(&folder) {
        Some(_) => Start::Own(Box::new(session.own(&folder, &name, "vit")?)),
        None => Start::Checkpoint(Box::new(Checkpoint::open(&folder)?)),
    };
    match &start {
        Start::Checkpoint(checkpoint) => {
            if checkpoint.is_audio() && session.chain.spectrogram != features::Preset::Ast.config() {
                bail!(
                    "{}: this network learned from its own front end; compute the features with `--front-end ast`",
                    folder.display()
                );
            }
        }
        Start::Own(own) => session.data.normalization = own.normalization.clone(),
    }
    let strategy = match session.config.finetune.strategy {
        Strategy::Auto => {
            let (vit, _) = build(session, &start, Strategy::Probe)?;
            auto::choose(session, &vit, session.config.finetune.minutes)?
        }
        strategy => strategy,
    };
    session.settle(strategy)?;
    // As the revision, the commit names the same weights for ever.
    session.config.finetune.pretrained = Some(name);
    session.config.finetune.revision = commit;
    let (vit, parameters) = build(session, &start, strategy)?;
    match strategy {
        Strategy::Probe => session.probe(Body { classifier: Box::new(vit), parameters }),
        Strategy::Last if session.keeps_tokens() => last_layers(session, vit, &parameters),
        _ => {
            session.say(&format!("vit, {}", strategy.name()), &parameters, "");
            session.fit(&vit, &parameters, &session.data, &session.config.train)
        }
    }
}

/// What a training begins with.
enum Start {
    /// A checkpoint as others publish it.
    Checkpoint(Box<Checkpoint>),
    /// The network of a model of ours.
    Own(Box<OwnNetwork>),
}

/// The network for these spectrograms, with its weights.
fn build(session: &Session<'_>, start: &Start, strategy: Strategy) -> Result<(Vit, Parameters)> {
    let Session { config, data, job, .. } = session;
    let &VitSettings { view, pooling, adapter, layer_decay, dropout, stochastic_depth, patchout } = &config.vit;
    let input = [data.spectrograms.n_mels, data.spectrograms.n_frames];
    let view = match view {
        View::OwnGrid => models_vit::View::OwnGrid,
        View::AsImage => models_vit::View::AsImage,
    };
    let begun = match start {
        Start::Checkpoint(checkpoint) => checkpoint.vit_config(input, view)?,
        Start::Own(own) => {
            let mut fields = own.architecture.clone();
            fields.as_object_mut().map(|fields| fields.remove("kind"));
            let begun: VitConfig =
                serde_json::from_value(fields).with_context(|| format!("{}: architecture", own.path.display()))?;
            if begun.input != input {
                bail!(
                    "{}: takes spectrograms of {:?} bands and frames, got {input:?}; compute the features with --like {0}",
                    own.path.display(),
                    begun.input
                );
            }
            begun
        }
    };
    let form = VitConfig {
        pooling: pooling.unwrap_or(begun.pooling),
        dropout,
        stochastic_depth,
        patchout,
        adapter: (strategy == Strategy::Lora).then_some(adapter),
        ..begun
    };
    let trained = match strategy {
        Strategy::Probe => Trained::Head,
        Strategy::Last => Trained::Last(config.finetune.last_layers),
        Strategy::Lora => Trained::Adapters,
        Strategy::Full | Strategy::Auto => Trained::All,
    };
    let mut parameters = Parameters::seeded(config.train.seed, &job.device);
    let vit = Vit::new(&form, data.classes.len(), trained, layer_decay, &mut parameters)?;
    let checkpoint = match start {
        Start::Checkpoint(checkpoint) => checkpoint,
        Start::Own(own) => {
            session.load(own, &parameters)?;
            return Ok((vit, parameters));
        }
    };
    let weights = checkpoint.weights(&form)?;
    let left = parameters.load(&weights.tensors, std::path::Path::new("checkpoint"))?;
    let ours = |name: &&String| !name.starts_with("head.") && !name.contains(".adapter.");
    if let Some(missing) = left.missing.iter().find(ours) {
        bail!("checkpoint: nothing to start {missing} from");
    }
    if !weights.ignored.is_empty() {
        job.say(format!("not taken from the checkpoint: {}", weights.ignored.join(", ")));
    }
    let [rows, columns] = form.grid();
    job.say(format!("{}: {} layers of {} over {rows} x {columns} patches", checkpoint.kind(), form.layers, form.dim));
    Ok((vit, parameters))
}

impl Session<'_> {
    /// Whether the tokens that frozen layers make can be made once: they can where clips are not varied.
    fn keeps_tokens(&self) -> bool {
        self.config.train.augment.keeps_clips() && self.config.vit.patchout == [0, 0]
    }
}

/// The last layers over what those below make once.
fn last_layers(session: &Session<'_>, vit: Vit, parameters: &Parameters) -> Result<Outcome> {
    session.refuse_unknowns()?;
    let first = vit.first_trained_layer();
    let normalization = session.normalization(&vit);
    let frozen = parameters.whole(&std::collections::BTreeMap::new());
    let maker = Maker {
        description: json!({
            "architecture": vit.config().architecture(),
            "layers": first,
            "normalization": normalization,
            "weights": fingerprint(&frozen)?,
            "compute": session.header.compute_record,
        }),
        data: &session.data,
        source: Source {
            clips: &session.data.spectrograms,
            normalization: &normalization,
            device: &session.job.device,
        },
    };
    let below = |mel: &candle_core::Tensor| vit.below(mel, first, Mode::Eval).context("frozen layers");
    let kept = maker.tokens(below, &session.options.out, session.job)?;
    let data = session.options.data(kept)?;
    let n_layers = vit.config().layers - first;
    let top = Top::new(vit, normalization);
    session.say(&format!("vit, the last {n_layers} layers over kept tokens"), parameters, "");
    session.fit(&top, parameters, &data, &session.config.train)
}
