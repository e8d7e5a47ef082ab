//! A tree and the path it is to run at: what depends on that path is written into its files.

mod fill;

pub use fill::{Fill, FillError, Standing};
