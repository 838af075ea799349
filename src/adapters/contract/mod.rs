//! What the ports promise, asked of the real neighbours and of those in memory alike: a simulation is worth what its world
//! has in common with the real one.

mod builder;
mod containers;
mod journal;
#[cfg(feature = "notices")]
mod notices;
mod places;
mod shelf;
#[cfg(feature = "registry")]
mod web;
mod workshop;
