//! Behaviour of whole swarms, on a fake network with a fake clock, and of one Swarm under a hostile peer.

mod alone;
mod announcing;
mod chaos;
mod exchanging;
mod explaining;
mod importing;
mod maps;
mod offering;
mod passing;
mod peering;
mod picking;
mod punching;
mod relaying;
mod seeds;
mod showing;
mod steering;
mod together;
mod trust;
mod uploading;
mod world;
