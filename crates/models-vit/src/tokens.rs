//! From an image to the tokens before the first layer.

use crate::vit::{Vit, from_kernels};
use crate::{Error, chance, patches};
use candle_core::Tensor;
use classifier::Mode;

impl Vit {
    /// The tokens of images, before the first layer.
    ///
    /// # Shapes
    /// `image`: `[B, C, H, W]`; the result: `[B, n_tokens, D]`, output tokens first, then registers, then patches.
    ///
    /// # Errors
    /// Another size than the configuration's.
    pub fn embed(&self, image: &Tensor, mode: Mode) -> Result<Tensor, Error> {
        let config = &self.config;
        let [height, width] = config.image();
        let n_clips = image.dim(0)?;
        if image.dims() != [n_clips, config.channels, height, width] {
            let (expected, got) =
                (format!("[B, {}, {height}, {width}]", config.channels), format!("{:?}", image.dims()));
            return Err(classifier::Error::Shape { what: "ViT: image".into(), expected, got }.into());
        }
        let gradients = match mode {
            Mode::Train { .. } => Some(&self.gradients),
            Mode::Eval => None,
        };
        let patches = patches::cut(image, config)?;
        let mut tokens = kernels::embed(&patches, &self.embedding, gradients).map_err(from_kernels)?;
        if let Mode::Train { seed } = mode
            && config.patchout != [0, 0]
        {
            let kept = chance::patches_kept(config.grid(), config.patchout, seed);
            let n_kept = kept.len();
            tokens = tokens.index_select(&Tensor::from_vec(kept, n_kept, tokens.device())?, 1)?;
        }
        let mut all = Vec::new();
        for (nth, token) in self.output.iter().enumerate() {
            let token = (token + self.embedding.position.narrow(1, nth, 1)?)?;
            all.push(token.broadcast_as((n_clips, 1, config.dim))?.contiguous()?);
        }
        if let Some(registers) = &self.registers {
            all.push(registers.broadcast_as((n_clips, config.registers, config.dim))?.contiguous()?);
        }
        all.push(tokens);
        Ok(Tensor::cat(&all, 1)?)
    }
}
