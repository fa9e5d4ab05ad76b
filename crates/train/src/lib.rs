//! Batches, loss, schedule, optimiser, the loop, evaluation.
