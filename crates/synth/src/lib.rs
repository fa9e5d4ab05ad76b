//! Sounds of our own making: barks, songs and what is neither.
