//! The convolutional network for spectrograms.
