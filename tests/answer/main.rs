//! The answer tier: whole frames through the engine on the host.
//!
//! The engine answers from tables that a publisher has filled.

#[cfg(test)]
mod barrier;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod general;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod ntp_limits;
#[cfg(test)]
mod points;
#[cfg(test)]
mod publication;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod time;
