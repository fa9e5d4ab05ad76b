//! What a program sets once for its whole process, before it calls a stage: none of it changes a result.

pub use kernels::{Pages, settle_device, settle_process, with_hangup_kept};
