//! Chooses the fine-tuning strategy of a pretrained model by the number of clips and the time.

use super::session::Session;
use crate::error::Result;
use crate::named::Named;
use crate::strategy::{ModelKind, Strategy, recipe};
use candle_core::{DType, Tensor};
use classifier::{Classifier, Mode};
use models_vit::Vit;
use std::time::Instant;

/// Clips whose forward pass is timed.
const TIMED: usize = 8;

/// What a training step costs, in forward passes of the whole network: a backward pass is about two, less where weights
/// are frozen.
const LORA_COST: f64 = 3.0;
const FULL_COST: f64 = 3.2;

/// Clips below which there is too little to move every weight.
const FEW: usize = 80;

/// The best strategy that fits into the time.
pub(super) fn choose(session: &Session<'_>, vit: &Vit, minutes: f64) -> Result<Strategy> {
    let n_clips = session.data.train.len();
    let [bands, frames] = vit.config().input;
    let mel = Tensor::zeros((TIMED, bands, frames), DType::F32, &session.job.device)?;
    // A GPU is handed its work, and it has done none of it yet when the call returns.
    let forward = || -> Result<()> {
        vit.forward(&mel, Mode::Eval)?;
        Ok(session.job.device.synchronize()?)
    };
    forward()?;
    let began = Instant::now();
    forward()?;
    let forward_s = began.elapsed().as_secs_f64() / TIMED as f64;
    let seconds =
        |cost: f64, strategy: Strategy| forward_s * cost * (n_clips * recipe(ModelKind::Vit, strategy).epochs) as f64;
    let (lora, full) = (seconds(LORA_COST, Strategy::Lora), seconds(FULL_COST, Strategy::Full));
    let (strategy, why) = if n_clips < FEW {
        (Strategy::Probe, format!("{n_clips} clips are few"))
    } else if full <= 60.0 * minutes {
        (Strategy::Full, format!("{n_clips} clips take some {:.1} minutes", full / 60.0))
    } else if lora <= 60.0 * minutes {
        (Strategy::Lora, format!("{n_clips} clips take some {:.1} minutes", lora / 60.0))
    } else {
        (Strategy::Probe, format!("training for longer would take {:.0} minutes", lora / 60.0))
    };
    session.job.say(format!("strategy: {} ({why})", strategy.name()));
    Ok(strategy)
}
