//! The board: its pages made of what an example left behind.

mod pages;
mod scene;
