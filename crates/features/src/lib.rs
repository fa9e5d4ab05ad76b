//! Samples to log-mel spectrograms and the other front ends.
