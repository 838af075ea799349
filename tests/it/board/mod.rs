//! The board: its pages made of what an example left behind, served, attacked, and used with a real browser.

mod attacks;
pub(crate) mod browser;
pub(crate) mod driver;
mod evil;
mod operate;
mod pages;
mod scene;
mod served;
