//! CPU forward and backward of what training spends its time on, as candle custom ops.
