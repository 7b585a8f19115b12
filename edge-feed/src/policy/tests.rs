//! Options alone: what they refuse, and what they make of numbers.
