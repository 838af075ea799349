//! The board: its pages made of what an example left behind, served, attacked, and used with a real browser.

mod attacks;
mod browser;
mod driver;
mod pages;
mod scene;
mod served;
