//! The server's door: what people see in a browser.

pub mod pages;
