//! What each option makes of zones.
