//! What is on disk between stages: specification, header, read, write, index, atomic write.
