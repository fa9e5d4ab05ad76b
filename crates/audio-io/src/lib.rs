//! Recordings in: manifests, decoding, channels, resampling, level, windows, checks and splits.
